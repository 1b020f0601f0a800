package batchjson

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// scanner walks one JSON text. Invariant: pos never passes len(buf), and a method that succeeds leaves pos right behind what it read.
type scanner struct {
	buf      []byte
	pos      int
	depth    int
	maxDepth int
	nameAt   int    // where the member's name read last lies
	names    []span // of the object of free names being read; no two such objects nest
}

// span is a part of buf.
type span struct{ from, to int }

var bom = []byte("\xef\xbb\xbf")

// begin starts on a text. UTF-8 is checked here once, so that everything later may copy bytes as they are.
func (s *scanner) begin(text []byte, maxDepth int) *Error {
	s.buf, s.pos, s.depth, s.maxDepth = text, 0, 0, maxDepth
	if bytes.HasPrefix(text, bom) {
		return fail("syntax", "the text starts with a byte order mark: leave it out (RFC 8259 §8.1)")
	}
	if !utf8.Valid(text) {
		return fail("invalid_utf8", "byte "+strconv.Itoa(invalidAt(text))+" is not UTF-8: encode the text as UTF-8")
	}
	return nil
}

// invalidAt is where the first byte lies that is no UTF-8.
func invalidAt(text []byte) int {
	at := 0
	for at < len(text) {
		r, n := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	return at
}

// end makes sure that nothing follows.
func (s *scanner) end() *Error {
	s.space()
	if s.pos < len(s.buf) {
		return s.expected("the end of the text")
	}
	return nil
}

// space skips whitespace (RFC 8259 §2).
func (s *scanner) space() {
	for s.pos < len(s.buf) {
		switch s.buf[s.pos] {
		case ' ', '\n', '\r', '\t':
			s.pos++
		default:
			return
		}
	}
}

// next skips whitespace and shows the byte that follows, 0 at the end.
func (s *scanner) next() byte {
	s.space()
	if s.pos == len(s.buf) {
		return 0
	}
	return s.buf[s.pos]
}

// took skips c if it is next.
func (s *scanner) took(c byte) bool {
	if s.next() != c {
		return false
	}
	s.pos++
	return true
}

// object reads an object; member reads the value of the member called name.
func (s *scanner) object(member func(name []byte) *Error) *Error {
	if err := s.open('{', "an object"); err != nil {
		return err
	}
	for more := !s.took('}'); more; {
		name, err := s.name()
		if err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err.under(name)
		}
		if more, err = s.more('}'); err != nil {
			return err
		}
	}
	s.depth--
	return nil
}

// array reads an array; element reads its element i.
func (s *scanner) array(element func(i int) *Error) *Error {
	if err := s.open('[', "an array"); err != nil {
		return err
	}
	more := !s.took(']')
	for i := 0; more; i++ {
		err := element(i)
		if err != nil {
			return err.underIndex(i)
		}
		if more, err = s.more(']'); err != nil {
			return err
		}
	}
	s.depth--
	return nil
}

// open goes into an object or array.
func (s *scanner) open(bracket byte, what string) *Error {
	if s.next() != bracket {
		return s.wrongType(what)
	}
	if s.depth == s.maxDepth {
		return s.tooDeep()
	}
	s.depth++
	s.pos++
	return nil
}

// more reads what stands between members or elements, or behind the last.
func (s *scanner) more(bracket byte) (bool, *Error) {
	switch s.next() {
	case ',':
		s.pos++
		return true, nil
	case bracket:
		s.pos++
		return false, nil
	}
	return false, s.expected("',' or '" + string(rune(bracket)) + "'")
}

// name reads a member's name and the colon. A name that shrank by unescaping gets its closing quote behind it and blanks up to
// the old one, so that the text stays JSON and says the same.
func (s *scanner) name() ([]byte, *Error) {
	if s.next() != '"' {
		return nil, s.expected("a member's name in double quotes")
	}
	s.nameAt = s.pos + 1
	name, err := s.text()
	if err != nil {
		return nil, err
	}
	if gap := s.buf[s.nameAt+len(name) : s.pos]; len(gap) > 1 {
		gap[0] = '"'
		for i := range gap[1:] {
			gap[1+i] = ' '
		}
	}
	if !s.took(':') {
		return nil, s.expected("':'")
	}
	return name, nil
}

// text reads a string, unescaped in place.
func (s *scanner) text() ([]byte, *Error) {
	if s.next() != '"' {
		return nil, s.wrongType("a string")
	}
	from := s.pos + 1
	to := plain(s.buf, from)
	if to < len(s.buf) && s.buf[to] == '"' {
		s.pos = to + 1
		return s.buf[from:to:to], nil
	}
	return s.escaped(from, to)
}

// scalar reads a string, number, true, false or null, and returns it as it stands.
func (s *scanner) scalar() ([]byte, *Error) {
	c := s.next()
	from := s.pos
	var err *Error
	switch {
	case c == '"':
		err = s.skipString()
	case c == '-' || '0' <= c && c <= '9':
		err = s.skipNumber()
	case c == 't':
		err = s.skipLiteral("true")
	case c == 'f':
		err = s.skipLiteral("false")
	case c == 'n':
		err = s.skipLiteral("null")
	default:
		err = s.wrongType("a string, a number, true, false or null")
	}
	return s.buf[from:s.pos:s.pos], err
}

func (s *scanner) skipNumber() *Error {
	n := numberLen(s.buf[s.pos:])
	switch {
	case n == 0:
		return s.expected("a number (RFC 8259 §6)")
	case n > maxNumberBytes:
		return fail("too_long", "the number has more than "+strconv.Itoa(maxNumberBytes)+" characters: send it as a string")
	}
	s.pos += n
	return nil
}

func (s *scanner) skipLiteral(word string) *Error {
	if !bytes.HasPrefix(s.buf[s.pos:], []byte(word)) {
		return s.expected(word)
	}
	s.pos += len(word)
	return nil
}

// numberLen is the length of the number that b starts with (RFC 8259 §6), 0 if there is none.
func numberLen(b []byte) int {
	at := 0
	if at < len(b) && b[at] == '-' {
		at++
	}
	whole := digits(b[at:])
	if whole == 0 {
		return 0
	}
	if b[at] == '0' {
		whole = 1
	}
	at += whole
	if at < len(b) && b[at] == '.' {
		fraction := digits(b[at+1:])
		if fraction == 0 {
			return 0
		}
		at += 1 + fraction
	}
	if at < len(b) && b[at]|0x20 == 'e' {
		exponent := exponentLen(b[at+1:])
		if exponent == 0 {
			return 0
		}
		at += 1 + exponent
	}
	return at
}

func exponentLen(b []byte) int {
	sign := 0
	if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
		sign = 1
	}
	n := digits(b[sign:])
	if n == 0 {
		return 0
	}
	return sign + n
}

func digits(b []byte) int {
	n := 0
	for n < len(b) && '0' <= b[n] && b[n] <= '9' {
		n++
	}
	return n
}

// expected is a syntax error at pos.
func (s *scanner) expected(what string) *Error {
	if s.pos >= len(s.buf) {
		return fail("syntax", "the text ends where "+what+" is expected")
	}
	return fail("syntax", "byte "+strconv.Itoa(s.pos)+" should be "+what)
}

// wrongType is the fault of a value that is not what. What is no JSON value at all is a syntax error.
func (s *scanner) wrongType(what string) *Error {
	s.next()
	kind := kindOf(s.buf[s.pos:])
	switch {
	case kind == "":
		return s.expected(what)
	case kind == "an object" || kind == "an array":
		if s.nesting() > s.maxDepth {
			return s.tooDeep()
		}
	}
	return fail("wrong_type", "this is "+kind+": send "+what)
}

// kindOf names the value that b starts with; "" if it is none.
func kindOf(b []byte) string {
	starts := func(with string) bool { return bytes.HasPrefix(b, []byte(with)) }
	switch {
	case starts("{"):
		return "an object"
	case starts("["):
		return "an array"
	case starts(`"`):
		return "a string"
	case starts("true") || starts("false"):
		return "a boolean"
	case starts("null"):
		return "null"
	case numberLen(b) > 0:
		return "a number"
	}
	return ""
}

// nesting is how deep the brackets from pos on go, counted up to one past the limit. Only errors need it: what nests deeper than
// the schema is refused unread, and this tells a slip from an attack.
func (s *scanner) nesting() int {
	depth, deepest, quoted := s.depth, s.depth, false
	for at := s.pos; at < len(s.buf) && deepest <= s.maxDepth; at++ {
		switch c := s.buf[at]; {
		case quoted && c == '\\':
			at++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

func (s *scanner) tooDeep() *Error {
	return fail("too_deep", "values nest more than "+strconv.Itoa(s.maxDepth)+" deep: flatten them")
}
