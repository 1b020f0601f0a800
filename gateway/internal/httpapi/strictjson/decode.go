// Package strictjson decodes small JSON bodies into Go types and refuses whatever two readers could understand differently: unknown and
// repeated members, other types, invalid UTF-8, deep nesting. Pure; safe for concurrent use. Source: RFC 8259, RFC 7493.
package strictjson

import (
	"errors"
	"reflect"
	"strings"
	"unicode/utf8"

	"heed/gateway/internal/httpapi/problem"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth is how deeply a body may be nested.
const MaxDepth = 16

const maxPointer = 256 // bytes of a pointer that is shown

// Decode reads one JSON value into dst. Every error is a *problem.Problem with one fault, which names the place.
func Decode(raw []byte, dst any) error {
	if !utf8.Valid(raw) {
		return problem.At("", "invalid_utf8", "The body must be UTF-8.")
	}
	if deeper(raw, MaxDepth) {
		return problem.At("", "too_deep", "The body may be nested 16 levels deep.")
	}
	err := json.Unmarshal(raw, dst, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	var syntactic *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case errors.As(err, &syntactic) && errors.Is(syntactic.Err, jsontext.ErrDuplicateName):
		return problem.At(place(syntactic.JSONPointer), "duplicate_key", "The member stands there twice.")
	case errors.As(err, &syntactic):
		return problem.At(place(syntactic.JSONPointer), "syntax", "The body is not valid JSON here.")
	case errors.As(err, &semantic) && errors.Is(semantic.Err, json.ErrUnknownName):
		return problem.At(place(semantic.JSONPointer), "unknown_key", "There is no such member here.")
	case errors.As(err, &semantic):
		return problem.At(place(semantic.JSONPointer), "wrong_type", "This must be "+wanted(semantic.GoType)+".")
	}
	return problem.At("", "syntax", "The body must be one JSON value.")
}

// place is the pointer as far as its names look like names. An address that stands where a member belongs must not come back in an error (P6).
func place(p jsontext.Pointer) string {
	for !plain(string(p)) {
		p = p.Parent()
	}
	return string(p)
}

func plain(pointer string) bool {
	return strings.IndexFunc(pointer, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-. /~", r))
	}) < 0 && len(pointer) <= maxPointer
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
