package page

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
)

// The fields of our own forms. confirmPage is not what RFC 8058 has programs send, so that the two stay apart in the record.
const (
	confirmField = "confirm"
	confirmPage  = "page"
	undoField    = "undo"
)

const (
	maxBody   = 64 << 10
	maxFields = 32
	maxValue  = 4 << 10
)

// ErrForm is the error of every body that is not a small form.
var ErrForm = errors.New("page: not a form: send at most 64 KiB of application/x-www-form-urlencoded or multipart/form-data")

// ParseForm reads a form body of either type of RFC 8058 §3.1 (HTML, "form submission"); of a repeated field, the first value.
// An empty body is an empty form. After ErrForm the map is nil.
// Cost: bounded by 64 KiB, 32 fields and 4 KiB a value. Nothing of body is kept.
func ParseForm(contentType string, body []byte) (map[string]string, error) {
	if len(body) == 0 {
		return nil, nil
	}
	kind, params, err := mime.ParseMediaType(contentType)
	switch {
	case err != nil, len(body) > maxBody:
		return nil, ErrForm
	case kind == "application/x-www-form-urlencoded":
		return parseURLEncoded(body)
	case kind == "multipart/form-data" && params["boundary"] != "":
		return parseMultipart(multipart.NewReader(bytes.NewReader(body), params["boundary"]))
	}
	return nil, ErrForm
}

func parseURLEncoded(body []byte) (map[string]string, error) {
	if bytes.Count(body, []byte{'&'}) >= maxFields {
		return nil, ErrForm
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, ErrForm
	}
	form := make(map[string]string, len(values))
	for name := range values {
		form[name] = values.Get(name)
		if len(form[name]) > maxValue {
			return nil, ErrForm
		}
	}
	return form, nil
}

func parseMultipart(r *multipart.Reader) (map[string]string, error) {
	form := map[string]string{}
	for range maxFields {
		part, err := r.NextPart()
		if err == io.EOF {
			return form, nil
		}
		if err != nil {
			return nil, ErrForm
		}
		value, err := io.ReadAll(io.LimitReader(part, maxValue+1))
		if err != nil || len(value) > maxValue {
			return nil, ErrForm
		}
		if _, seen := form[part.FormName()]; !seen {
			form[part.FormName()] = string(value)
		}
	}
	return nil, ErrForm
}
