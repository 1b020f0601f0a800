package message

// Quoted-printable (RFC 2045 §6.7), so written that static text can be encoded ahead: a literal always begins a line of the
// encoded form, since a soft line break follows each value that is not at the end of a line.

// maxLine is the longest line of quoted-printable, soft break included, and of a header that is folded (RFC 2047 §2).
const maxLine = 76

const softBreak = "=\r\n"

// plain tells which bytes stand for themselves. Spaces do; where one ends a line, newline mends it.
type plain [256]bool

var plainText, plainHTML = plainBytes(""), plainBytes(`&<>"'`)

func plainBytes(except string) (p plain) {
	for c := byte(' '); c <= '~'; c++ {
		p[c] = c != '='
	}
	p['\t'] = true
	for i := range len(except) {
		p[except[i]] = false
	}
	return p
}

// appendQuoted appends s as quoted-printable, the line being column bytes long already, and returns the new column. Line ends of any kind
// become CRLF. With p = &plainHTML the five characters that mean something in HTML are escaped too.
func appendQuoted(dst []byte, column int, s string, p *plain) ([]byte, int) {
	for i := 0; i < len(s); {
		if column == 0 && misread(s[i:]) {
			dst, column = appendHex(dst, column, s[i])
			i++
			continue
		}
		end := min(len(s), i+maxLine-1-column)
		j := i
		for j < end && p[s[j]] {
			j++
		}
		dst, column, i = append(dst, s[i:j]...), column+j-i, j
		if i == len(s) {
			break
		}
		c := s[i]
		switch {
		case c == '\n' || c == '\r':
			if c == '\r' && i+1 < len(s) && s[i+1] == '\n' {
				i++
			}
			dst, column = endLine(dst, column), 0
		case column >= maxLine-1:
			dst, column = append(dst, softBreak...), 0
			continue
		default:
			dst, column = appendEscaped(dst, column, c, p)
		}
		i++
	}
	return dst, column
}

// misread tells whether s at the beginning of a line could be changed on its way: a dot by a peer that does not stuff dots well, "From "
// by a mailbox that marks it (RFC 2049 §3, items 4 and 5 of its last list).
func misread(s string) bool {
	return s[0] == '.' || len(s) >= 5 && s[:5] == "From "
}

// endLine ends a line for good. Space at its end would be lost on the way and is encoded (rule 3).
func endLine(dst []byte, column int) []byte {
	if column > 0 && blank(dst[len(dst)-1]) {
		last := dst[len(dst)-1]
		dst, _ = appendHex(dst[:len(dst)-1], column-1, last)
	}
	return append(dst, '\r', '\n')
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

func appendEscaped(dst []byte, column int, c byte, p *plain) ([]byte, int) {
	if p == &plainHTML {
		if e := entity(c); e != "" {
			if column+len(e) > maxLine-1 {
				dst, column = append(dst, softBreak...), 0
			}
			return append(dst, e...), column + len(e)
		}
	}
	return appendHex(dst, column, c)
}

// entity is how c is written in HTML text and quoted attributes, "" for as it is.
func entity(c byte) string {
	switch c {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	case '"':
		return "&#34;" // shorter than &quot;
	case '\'':
		return "&#39;" // &apos; is not in HTML 4
	}
	return ""
}

func appendHex(dst []byte, column int, c byte) ([]byte, int) {
	const digits = "0123456789ABCDEF"
	if column+3 > maxLine-1 {
		dst, column = append(dst, softBreak...), 0
	}
	return append(dst, '=', digits[c>>4], digits[c&15]), column + 3
}
