package batchjson

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// plain is the index at or after i of the first byte that ends a run of plain string content: '"', '\\' or a control character;
// len(b) if there is none.
func plain(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		if m := special(binary.LittleEndian.Uint64(b[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= 0x20 {
		i++
	}
	return i
}

// special sets the top bit of the bytes of w that are '"', '\\' or below 0x20. Only the lowest bit set is to be trusted: the
// subtractions borrow upwards from a byte that matches.
func special(w uint64) uint64 {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	quote := w ^ ones*'"'
	slash := w ^ ones*'\\'
	return ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*0x20)&^w) & tops
}

// escaped reads on in a string that starts at from and is plain up to at, and unescapes it in place: no escape sequence is shorter
// than what it stands for.
func (s *scanner) escaped(from, at int) ([]byte, *Error) {
	out := s.buf[from:at]
	for at < len(s.buf) {
		switch c := s.buf[at]; {
		case c == '"':
			s.pos = at + 1
			return out[:len(out):len(out)], nil
		case c == '\\':
			r, n, err := unescape(s.buf[at:])
			if err != nil {
				return nil, err
			}
			out = utf8.AppendRune(out, r)
			at += n
		case c < 0x20:
			s.pos = at
			return nil, s.expected("escaped: a string holds no control character (RFC 8259 §7)")
		default:
			end := plain(s.buf, at)
			out = append(out, s.buf[at:end]...)
			at = end
		}
	}
	s.pos = at
	return nil, s.expected("the string's closing '\"'")
}

// skipString reads a string and leaves it as it stands.
func (s *scanner) skipString() *Error {
	at := s.pos + 1
	for {
		at = plain(s.buf, at)
		switch {
		case at == len(s.buf):
			s.pos = at
			return s.expected("the string's closing '\"'")
		case s.buf[at] == '"':
			s.pos = at + 1
			return nil
		case s.buf[at] != '\\':
			s.pos = at
			return s.expected("escaped: a string holds no control character (RFC 8259 §7)")
		}
		_, n, err := unescape(s.buf[at:])
		if err != nil {
			return err
		}
		at += n
	}
}

// shortEscapes are the escapes of one letter (RFC 8259 §7).
var shortEscapes = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// unescape reads the escape sequence that b starts with: its rune and its length. A surrogate must come with its other half.
func unescape(b []byte) (r rune, n int, err *Error) {
	if len(b) < 2 {
		return 0, 0, fail("syntax", "the text ends within an escape sequence")
	}
	if b[1] != 'u' {
		if shortEscapes[b[1]] == 0 {
			return 0, 0, fail("syntax", "a string holds an unknown escape sequence: known are \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u0000 (RFC 8259 §7)")
		}
		return rune(shortEscapes[b[1]]), 2, nil
	}
	r, ok := hex4(b)
	switch {
	case !ok:
		return 0, 0, fail("syntax", "\\u needs four hexadecimal digits (RFC 8259 §7)")
	case r == 0:
		return 0, 0, fail("syntax", "a string holds NUL, which no message can carry: leave it out")
	case !utf16.IsSurrogate(r):
		return r, 6, nil
	}
	low, _ := hex4(b[6:])
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, 0, fail("invalid_utf8", "a string holds half a surrogate pair: send both halves, or the character itself")
	}
	return r, 12, nil
}

// hex4 reads "\uXXXX".
func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, c := range b[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
