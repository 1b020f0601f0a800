package httpapi

import (
	"errors"
	"reflect"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const maxDepth = 16

// readJSON reads a small body into dst: unknown and repeated members, other types and invalid UTF-8 are refused with their place.
func readJSON(c *call, dst any) error {
	if _, err := c.needType("application/json"); err != nil {
		return err
	}
	raw, err := readBody(c, c.route.limit)
	if err != nil {
		return err
	}
	return decodeJSON(raw, dst)
}

// decodeJSON is readJSON without the wire.
func decodeJSON(raw []byte, dst any) error {
	if !utf8.Valid(raw) {
		return refuseAt("", "invalid_utf8", "The body must be UTF-8.")
	}
	if deeper(raw, maxDepth) {
		return refuseAt("", "too_deep", "The body may be nested 16 levels deep.")
	}
	err := json.Unmarshal(raw, dst, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	var syntactic *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case errors.As(err, &syntactic) && errors.Is(syntactic.Err, jsontext.ErrDuplicateName):
		return refuseAt(string(syntactic.JSONPointer), "duplicate_key", "The member stands there twice.")
	case errors.As(err, &syntactic):
		return refuseAt(string(syntactic.JSONPointer), "syntax", "The body is not valid JSON here.")
	case errors.As(err, &semantic) && errors.Is(semantic.Err, json.ErrUnknownName):
		return refuseAt(string(semantic.JSONPointer), "unknown_key", "There is no such member here.")
	case errors.As(err, &semantic):
		return refuseAt(string(semantic.JSONPointer), "wrong_type", "This must be "+wanted(semantic.GoType)+".")
	}
	return refuseAt("", "syntax", "The body must be one JSON value.")
}

// wanted names a type of ours in JSON's words.
func wanted(t reflect.Type) string {
	if t == nil {
		return "of another type"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Int, reflect.Int64, reflect.Uint64, reflect.Uint32:
		return "a whole number in range"
	}
	return "of another type"
}

// deeper tells whether brackets nest deeper than max, without building anything. What is not JSON may give either answer.
func deeper(raw []byte, max int) bool {
	depth, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > max {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
