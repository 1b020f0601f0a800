// Package query reads the query parameters of a call, and makes the pages of a list that they ask for. What is not known, stands there
// twice or cannot be read is refused: a slip such as ?dryrun=1 must not send. Pure; safe for concurrent use.
package query

import (
	"net/url"
	"slices"
	"strings"

	"heed/gateway/internal/httpapi/problem"
)

// Values are a call's parameters by name; what is missing is "". Read only.
type Values map[string]string

// Parse reads the part of a URI after "?". names are the parameters that there are, separated by spaces; "*" is for routes of outsiders,
// which take whatever trackers and scanners append and read nothing of it. Errors are *problem.Problem; they do not repeat an unknown name,
// which may be anything, an address too (P6).
func Parse(raw, names string) (Values, error) {
	if raw == "" || names == "*" {
		return nil, nil
	}
	parsed, err := url.ParseQuery(raw)
	if err != nil {
		return nil, problem.New("invalid_parameter", "The query cannot be read; percent-encode its values.")
	}
	v := make(Values, len(parsed))
	for name, given := range parsed {
		if !contains(names, name) {
			return nil, problem.Parameter("", "A parameter is not known here; there are: "+orNone(names)+".")
		}
		if len(given) > 1 {
			return nil, problem.Parameter(name, "The parameter stands there twice.")
		}
		v[name] = given[0]
	}
	return v, nil
}

func contains(words, word string) bool { return slices.Contains(strings.Fields(words), word) }

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return strings.ReplaceAll(s, " ", ", ")
}

// Flag reads a yes or no; missing is no.
func (v Values) Flag(name string) (bool, error) {
	switch v[name] {
	case "1", "true":
		return true, nil
	case "", "0", "false":
		return false, nil
	}
	return false, problem.Parameter(name, "Use 1 or 0.")
}

// OneOf reads a value from a closed set, whose first is the default.
func (v Values) OneOf(name string, values ...string) (string, error) {
	got := v[name]
	if got == "" {
		return values[0], nil
	}
	if slices.Contains(values, got) {
		return got, nil
	}
	return "", problem.Parameter(name, "Use "+strings.Join(values, ", ")+".")
}
