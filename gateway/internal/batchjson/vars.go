package batchjson

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf8"
)

// vars reads a flat object of variables and returns it as it stands, but for escapes in names: those are resolved, so that a name has
// one spelling and Names can hand it out uncopied.
func (s *scanner) vars() ([]byte, *Error) {
	s.next()
	from := s.pos
	err := s.free(func([]byte) *Error {
		_, err := s.scalar()
		return err
	})
	if err == nil && s.pos-from > maxVarsBytes {
		err = fail("too_long", "the variables take more than "+strconv.Itoa(maxVarsBytes)+" bytes: shorten them")
	}
	return s.buf[from:s.pos:s.pos], err
}

// free reads an object whose names the caller chooses: variables or headers. It refuses a name that comes twice.
// Cost: quadratic in the number of members, which is at most maxMembers.
func (s *scanner) free(value func(name []byte) *Error) *Error {
	s.names = s.names[:0]
	return s.object(func(name []byte) *Error {
		if len(s.names) == maxMembers {
			return fail("too_many", "more than "+strconv.Itoa(maxMembers)+" members: leave some out")
		}
		at := s.nameAt
		if err := checkName(name); err != nil {
			return err
		}
		for _, old := range s.names {
			if bytes.Equal(s.buf[old.from:old.to], name) {
				return duplicate()
			}
		}
		s.names = append(s.names, span{at, at + len(name)})
		return value(name)
	})
}

// checkName keeps names to what can stand between quotes unescaped and be shown in an error.
func checkName(name []byte) *Error {
	if len(name) == 0 || len(name) > maxNameBytes || plain(name, 0) != len(name) {
		return fail("bad_name", "a name has 1 to "+strconv.Itoa(maxNameBytes)+" bytes and no quotes, backslashes or control characters")
	}
	return nil
}

func duplicate() *Error {
	return fail("duplicate_key", "this member comes twice: send it once")
}

// Names calls fn with each member name of a flat variables object such as Recipient.Vars. Requires: vars came from a Decoder, so names
// hold no escapes. No allocation; a fraction of what reading the object costs, since nothing is checked again.
func Names(vars []byte, fn func(name []byte)) {
	at := bytes.IndexByte(vars, '"')
	for at >= 0 {
		end := plain(vars, at+1)
		fn(vars[at+1 : end])
		at = nextName(vars, end)
	}
}

// nextName is where the quote before the next name stands, -1 if there is none. Of all values only strings hold quotes.
// Requires: a name ends at end.
func nextName(vars []byte, end int) int {
	at := end + 1
	for at < len(vars) && (vars[at] == ':' || vars[at] <= ' ') {
		at++
	}
	if at < len(vars) && vars[at] == '"' {
		at = stringEnd(vars, at+1) + 1
	}
	if at >= len(vars) {
		return -1
	}
	next := bytes.IndexByte(vars[at:], '"')
	if next < 0 {
		return -1
	}
	return at + next
}

// stringEnd is where the closing quote of a string stands that has been checked; len(b) or more if there is none.
func stringEnd(b []byte, at int) int {
	for at = plain(b, at); at < len(b) && b[at] == '\\'; {
		at = plain(b, at+2)
	}
	return at
}

// errVars says that bytes are not what a Decoder returned.
var errVars = errors.New("batchjson: damaged variables")

// AppendVars adds the members of a flat variables object to dst, values as text (null is ""). vars is empty or came from a Decoder;
// what else it is found to be is an error, and dst may then hold some of it.
func AppendVars(dst map[string]string, vars []byte) error {
	if len(vars) == 0 {
		return nil
	}
	s := scanner{buf: vars, maxDepth: 1}
	err := s.object(func(name []byte) *Error {
		value, err := s.scalar()
		if err == nil {
			dst[string(name)] = asText(value)
		}
		return err
	})
	if err == nil {
		err = s.end()
	}
	if err != nil {
		return errVars
	}
	return nil
}

// asText is what a scalar says. Requires: scalar returned it.
func asText(scalar []byte) string {
	switch scalar[0] {
	case 'n':
		return ""
	case '"':
		return unquote(scalar[1 : len(scalar)-1])
	}
	return string(scalar)
}

// unquote resolves the escapes between a string's quotes, in memory of its own. Requires: they were checked.
func unquote(inside []byte) string {
	at := bytes.IndexByte(inside, '\\')
	if at < 0 {
		return string(inside)
	}
	out := append(make([]byte, 0, len(inside)), inside[:at]...)
	for at < len(inside) {
		if inside[at] != '\\' {
			out = append(out, inside[at])
			at++
			continue
		}
		r, n, _ := unescape(inside[at:])
		out = utf8.AppendRune(out, r)
		at += n
	}
	return string(out)
}
