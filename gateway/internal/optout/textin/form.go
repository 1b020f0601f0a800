package textin

import (
	"bytes"
	"errors"
	"mime"
	"net/url"
	"strings"
)

const (
	maxBody   = 64 << 10 // Twilio's forms have at most a few KiB
	maxFields = 256
)

// ErrForm is the error of a body that is no form of Twilio's.
var ErrForm = errors.New("textin: not a form: expected at most 64 KiB of application/x-www-form-urlencoded with at most 256 fields")

// field is one field of a form. Forms are kept as sent: order and repetition matter to the signature.
type field struct{ name, value string }

// parseForm reads a form body (WHATWG URL, "application/x-www-form-urlencoded"). An empty body is an empty form.
func parseForm(contentType string, body []byte) ([]field, error) {
	if len(body) == 0 {
		return nil, nil
	}
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, ErrForm
	}
	if len(body) > maxBody || bytes.Count(body, []byte{'&'}) >= maxFields {
		return nil, ErrForm
	}
	var form []field
	for pair := range strings.SplitSeq(string(body), "&") {
		if pair == "" {
			continue
		}
		f, err := parseField(pair)
		if err != nil {
			return nil, ErrForm
		}
		form = append(form, f)
	}
	return form, nil
}

func parseField(pair string) (field, error) {
	name, value, _ := strings.Cut(pair, "=")
	name, err := url.QueryUnescape(name)
	if err != nil {
		return field{}, err
	}
	value, err = url.QueryUnescape(value)
	return field{name, value}, err
}

// first is the value of the first field of that name, or "".
func first(form []field, name string) string {
	for _, f := range form {
		if f.name == name {
			return f.value
		}
	}
	return ""
}
