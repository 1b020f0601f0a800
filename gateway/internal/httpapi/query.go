package httpapi

import (
	"net/url"
	"strconv"
	"strings"
)

// parseQuery reads the query parameters of the call. Unknown, repeated and malformed ones are refused: a slip such as ?dryrun=1 must
// not send. Routes for outsiders ("*") take whatever trackers and scanners append.
func (c *call) parseQuery() error {
	_, raw, _ := strings.Cut(string(c.ctx.Request.Header.RequestURI()), "?")
	if raw == "" || c.route.query == "*" {
		return nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return refuse("invalid_parameter", "The query cannot be read; percent-encode its values.")
	}
	c.query = make(map[string]string, len(values))
	for name, v := range values {
		if !contains(c.route.query, name) {
			return refuseParameter(printable(name), "There is no such parameter here; there are: "+orNone(c.route.query)+".")
		}
		if len(v) > 1 {
			return refuseParameter(name, "The parameter stands there twice.")
		}
		c.query[name] = v[0]
	}
	return nil
}

func contains(words, word string) bool {
	for w := range strings.FieldsSeq(words) {
		if w == word {
			return true
		}
	}
	return false
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return strings.ReplaceAll(s, " ", ", ")
}

// printable keeps a caller's parameter name short and clean for the echo.
func printable(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, name)
	return name[:min(len(name), 40)]
}

// flag reads a yes or no; missing is no.
func (c *call) flag(name string) (bool, error) {
	switch c.query[name] {
	case "1", "true":
		return true, nil
	case "", "0", "false":
		return false, nil
	}
	return false, refuseParameter(name, "Use 1 or 0.")
}

// oneOf reads a value from a closed set, whose first is the default.
func (c *call) oneOf(name string, values ...string) (string, error) {
	got := c.query[name]
	if got == "" {
		return values[0], nil
	}
	for _, v := range values {
		if got == v {
			return v, nil
		}
	}
	return "", refuseParameter(name, "Use "+strings.Join(values, ", ")+".")
}

const (
	defaultPage = 100
	mostPage    = 1000
)

// limit reads how long a page may be.
func (c *call) limit() (int, error) {
	raw := c.query["limit"]
	if raw == "" {
		return defaultPage, nil
	}
	n, err := strconv.Atoi(raw)
	if err != nil || n < 1 || n > mostPage {
		return 0, refuseParameter("limit", "Use 1 to 1000.")
	}
	return n, nil
}

// listing is a piece of a list (cursor only: offsets lie as soon as the list moves).
type listing[T any] struct {
	Data []T    `json:"data"`
	More bool   `json:"has_more"`
	Next string `json:"next,omitempty"` // value of ?after= for the next page
}

// paged makes a page of at most limit from limit+1 elements asked for.
func paged[T any](list []T, limit int, cursor func(T) string) listing[T] {
	p := listing[T]{Data: list}
	if len(list) > limit {
		p.Data, p.More = list[:limit], true
		p.Next = cursor(p.Data[limit-1])
	}
	if p.Data == nil {
		p.Data = []T{}
	}
	return p
}
