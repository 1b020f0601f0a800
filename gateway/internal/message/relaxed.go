package message

import "bytes"

// The relaxed canonical forms of RFC 6376 §3.4.

// fieldLength is the length of the header field b begins with, its folded lines and last CRLF included; 0 if no CRLF ends it.
func fieldLength(b []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return 0
		}
		at += i + 1
		if at < 2 || b[at-2] != '\r' {
			return 0
		}
		if at == len(b) || !blank(b[at]) {
			return at
		}
	}
}

// appendRelaxedField appends a field with its name in lower case, unfolded, with single spaces, without space around the
// colon or at the end (§3.4.2). Requires: field has a colon.
func appendRelaxedField(dst, field []byte) []byte {
	colon := bytes.IndexByte(field, ':')
	for _, c := range bytes.TrimRight(field[:colon], " \t") {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	dst = append(dst, ':')
	begin := len(dst)
	for rest := field[colon+1:]; len(rest) > 0; {
		word := len(rest)
		if i := bytes.IndexAny(rest, " \t\r\n"); i >= 0 {
			word = i
		}
		if word > 0 {
			if len(dst) > begin {
				dst = append(dst, ' ')
			}
			dst = append(dst, rest[:word]...)
		}
		rest = rest[min(word+1, len(rest)):]
	}
	return append(dst, '\r', '\n')
}

// appendRelaxedBody appends a body with single spaces, none at line ends, and no empty lines at its end; one that is not empty ends in
// CRLF (§3.4.4).
func appendRelaxedBody(dst, body []byte) []byte {
	begin, content := len(dst), len(dst)
	for len(body) > 0 {
		line := body
		if i := bytes.Index(body, crlf); i >= 0 {
			line = body[:i]
		}
		body = body[min(len(line)+len(crlf), len(body)):]
		lineBegin := len(dst)
		dst = appendRelaxedLine(dst, line)
		if len(dst) > lineBegin {
			content = len(dst) + len(crlf)
		}
		dst = append(dst, crlf...)
	}
	if content == begin {
		return dst[:begin]
	}
	return dst[:content]
}

var crlf = []byte("\r\n")

// appendRelaxedLine copies what lies between runs of space.
func appendRelaxedLine(dst, line []byte) []byte {
	line = bytes.TrimRight(line, " \t")
	for len(line) > 0 {
		n := nextRun(line)
		dst = append(dst, line[:n]...)
		if line = line[n:]; len(line) > 0 {
			dst = append(dst, ' ')
			line = bytes.TrimLeft(line, " \t")
		}
	}
	return dst
}

// nextRun is where the next space stands that is not a single blank between words, or the end.
func nextRun(line []byte) int {
	for i, c := range line {
		if c == '\t' || c == ' ' && i+1 < len(line) && blank(line[i+1]) {
			return i
		}
	}
	return len(line)
}
