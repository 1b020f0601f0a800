package bulkcheck

import (
	"strconv"

	"heed/gateway/internal/httpapi/problem"

	"github.com/go-json-experiment/json/jsontext"
)

const mostChecked = 10_000

// readArray puts the elements of an array into the lot. raw is valid JSON.
func (k *Check) readArray(raw jsontext.Value) error {
	if raw.Kind() != '[' {
		return problem.At("/addresses", "wrong_type", "This must be an array of strings.")
	}
	elements := trimSeparators(raw[1 : len(raw)-1])
	for i := 0; len(elements) > 0; i++ {
		if i == mostChecked {
			return problem.At("/addresses", "too_many", "Send 10000 addresses at once, or NDJSON, which has no limit.")
		}
		element, rest := cutString(elements)
		if element == nil || !k.addString(element) {
			return problem.At("/addresses/"+strconv.Itoa(i), "wrong_type", "This must be a string.")
		}
		elements = rest
	}
	return nil
}

// cutString takes the string that comes next out of the inside of a valid JSON array; nil if something else comes next.
func cutString(b []byte) (s jsontext.Value, rest []byte) {
	b = trimSeparators(b)
	if len(b) == 0 || b[0] != '"' {
		return nil, b
	}
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return b[:i+1], trimSeparators(b[i+1:])
		}
	}
	return nil, b
}

func trimSeparators(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == '\r' || b[0] == '\n' || b[0] == ',') {
		b = b[1:]
	}
	return b
}

// addString puts a JSON string into the lot. raw is valid JSON.
func (k *Check) addString(raw jsontext.Value) bool {
	if raw.Kind() != '"' {
		return false
	}
	text, err := jsontext.AppendUnquote(k.text[:0], raw)
	k.text = text
	k.add(text)
	return err == nil
}
