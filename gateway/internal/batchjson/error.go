package batchjson

import (
	"strconv"
	"strings"
)

// Error is a fault in a body.
type Error struct {
	Pointer string // RFC 6901, such as "/recipients/17/to"; for NDJSON the pointer is within the line
	Line    int    // NDJSON line from 1; 0 for JSON
	// Code is "syntax", "duplicate_key", "unknown_key", "bad_name", "wrong_type", "invalid_utf8", "too_deep", "too_many",
	// "missing" or "too_long".
	Code   string
	Detail string // what to change
}

// Error gives place, code and remedy. It holds nothing of the body but member names that look like names, so no address.
func (e *Error) Error() string {
	place := e.Pointer
	if e.Line > 0 {
		place = "line " + strconv.Itoa(e.Line) + " " + place
	}
	return strings.TrimSpace(place+" "+e.Code) + ": " + e.Detail
}

// under moves the fault below the member called name.
func (e *Error) under(name []byte) *Error {
	if printable(name) {
		e.Pointer = "/" + pointerEscapes.Replace(string(name)) + e.Pointer
	}
	return e
}

// underIndex moves the fault below element i.
func (e *Error) underIndex(i int) *Error {
	e.Pointer = "/" + strconv.Itoa(i) + e.Pointer
	return e
}

// pointerEscapes is RFC 6901 §3.
var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// printable says whether a name may be shown. An address put where a member belongs must not travel on in errors and logs.
func printable(name []byte) bool {
	for _, c := range name {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("_-. /~", c) >= 0) {
			return false
		}
	}
	return len(name) > 0 && len(name) <= maxNameBytes
}

func fail(code, detail string) *Error { return &Error{Code: code, Detail: detail} }

// unknown names the known member that a misspelt one is nearest to.
func unknown(name []byte, known []string) *Error {
	best, bestDistance := "", len(name)/3+2
	for _, k := range known {
		if n := distance(strings.ToLower(string(name[:min(len(name), maxNameBytes)])), k); n < bestDistance {
			best, bestDistance = k, n
		}
	}
	if best == "" {
		return fail("unknown_key", "known here are "+strings.Join(known, ", "))
	}
	return fail("unknown_key", "did you mean "+strconv.Quote(best)+"?")
}

// distance is Levenshtein's edit distance.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
