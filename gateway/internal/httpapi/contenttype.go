package httpapi

import (
	"mime"
	"slices"
	"strings"

	"heed/gateway/internal/httpapi/problem"
)

// mediaType is the Content-Type without parameters, lower-case; "" if it is missing or malformed. A charset other than UTF-8 is a
// refusal, since it would change the meaning of the body.
func (c *call) mediaType() (string, error) {
	value := string(c.ctx.Request.Header.ContentType())
	if value == "" {
		return "", nil
	}
	t, params, err := mime.ParseMediaType(value)
	if err != nil {
		return "", problem.New("unsupported_media_type", "The Content-Type is malformed.")
	}
	if cs := params["charset"]; cs != "" && !strings.EqualFold(cs, "utf-8") {
		return "", problem.New("unsupported_media_type", "The charset must be UTF-8.")
	}
	return t, nil
}

// needType gives the Content-Type if it is one of these.
func (c *call) needType(types ...string) (string, error) {
	got, err := c.mediaType()
	if err != nil {
		return "", err
	}
	if slices.Contains(types, got) {
		return got, nil
	}
	return "", problem.New("unsupported_media_type", "Send Content-Type: "+strings.Join(types, " or ")+".")
}
