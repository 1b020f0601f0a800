package message

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"
)

// field is a header field with variables.
type field struct {
	name   string
	pieces []piece
}

// append writes the field with its values. The text is put together first, because the choice between plain text and encoded words
// depends on all of it.
func (f *field) append(dst []byte, values []string) ([]byte, error) {
	var room [256]byte
	text := room[:0]
	for i := range f.pieces {
		p := &f.pieces[i]
		text = append(text, p.literal...)
		if p.variable != none {
			text = append(text, p.valueOf(values)...)
		}
		if len(text) > maxHeader {
			return nil, &Fault{"/vars", "too_long", fmt.Sprintf("with its values the header %s is longer than %d bytes", f.name, maxHeader)}
		}
	}
	return appendField(dst, f.name, text), nil
}

// appendField writes an unstructured field (RFC 5322 §2.2.1), folded, in encoded words (RFC 2047) where plain text would not survive.
// Requires: value holds no control characters.
func appendField(dst []byte, name string, value []byte) []byte {
	dst = append(append(dst, name...), ": "...)
	column := len(name) + 2
	if survives(value) {
		dst = appendFolded(dst, column, value)
	} else {
		dst, _ = appendWords(dst, column, value)
	}
	return append(dst, '\r', '\n')
}

// survives tells whether text comes through folding and unfolding unchanged and is not taken for something else: printable ASCII, single
// spaces inside only, no word too long for a line, nothing that looks like an encoded word.
func survives(s []byte) bool {
	const longestWord = 900 // a line holds 998 bytes (RFC 5322 §2.1.1)
	word := 0
	for i, c := range s {
		switch {
		case c == ' ':
			if word == 0 {
				return false
			}
			word = 0
		case c < ' ' || c >= 0x7f || c == '=' && i+1 < len(s) && s[i+1] == '?' || word == longestWord:
			return false
		default:
			word++
		}
	}
	return word > 0 || len(s) == 0
}

// appendFolded writes words, beginning a new line before one that would pass maxLine.
func appendFolded(dst []byte, column int, s []byte) []byte {
	for begin := 0; begin < len(s); {
		end := begin + 1
		for end < len(s) && s[end] != ' ' {
			end++
		}
		if begin > 0 && column+end-begin > maxLine {
			dst, column = append(dst, '\r', '\n'), 0
		}
		dst, column = append(dst, s[begin:end]...), column+end-begin
		begin = end
	}
	return dst
}

// appendWords writes s as encoded words of whole characters, one a line (RFC 2047 §2 and §5), and returns the new column.
func appendWords(dst []byte, column int, s []byte) ([]byte, int) {
	const prefix, suffix = "=?utf-8?B?", "?="
	for len(s) > 0 {
		n := wholeRunes(s, (maxLine-column-len(prefix+suffix))/4*3)
		if n == 0 {
			dst, column = append(dst, "\r\n "...), 1
			continue
		}
		before := len(dst)
		dst = append(dst, prefix...)
		dst = base64.StdEncoding.AppendEncode(dst, s[:n])
		dst = append(dst, suffix...)
		column += len(dst) - before
		if s = s[n:]; len(s) > 0 {
			dst, column = append(dst, "\r\n "...), 1
		}
	}
	return dst, column
}

// wholeRunes is how many of the first n bytes of s are whole characters.
func wholeRunes(s []byte, n int) int {
	if n >= len(s) {
		return len(s)
	}
	n = max(n, 0)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return n
}

// compileField compiles a subject or header. A field without variables is written to fixed once and for all.
func (t *Template) compileField(c *compiler, pointer, name, src string) error {
	pieces, err := c.compile(pointer, src, maxHeader, true, func(literal string) piece { return piece{literal: []byte(literal)} })
	if err != nil {
		return err
	}
	if len(pieces) == 1 {
		t.fixed = appendField(t.fixed, name, pieces[0].literal)
		return nil
	}
	t.fields = append(t.fields, field{name, pieces})
	return nil
}

// compileHeaders takes the caller's own headers.
func (t *Template) compileHeaders(c *compiler, headers [][2]string) error {
	if len(headers) > maxHeaders {
		return &Fault{"/headers", "too_long", fmt.Sprintf("%d headers, at most %d", len(headers), maxHeaders)}
	}
	seen, size := map[string]bool{}, 0
	for _, h := range headers {
		pointer := pointerOf("headers", h[0])
		if size += len(h[0]) + len(h[1]); size > maxHeaderSum {
			return &Fault{pointer, "too_long", fmt.Sprintf("the headers together are longer than %d bytes", maxHeaderSum)}
		}
		if hint := refusal(h[0]); hint != "" {
			return &Fault{pointer, "header_forbidden", hint}
		}
		if lower := strings.ToLower(h[0]); seen[lower] {
			return &Fault{pointer, "header_duplicate", "the header is given twice; leave one"}
		} else {
			seen[lower] = true
		}
		if err := t.compileField(c, pointer, h[0], h[1]); err != nil {
			return err
		}
	}
	return nil
}

// allowed are the headers a caller may set beside X- ones: what only readers' programs look at. Message-ID, Date and the addresses, everything
// about content, lists, transport and signatures are the gateway's.
var allowed = map[string]bool{"importance": true, "organization": true, "in-reply-to": true, "references": true}

// instructions begin the names of X- headers that relays obey: they could add recipients, or switch off what keeps people from unwanted mail.
var instructions = []string{
	"x-heed-", "x-smtpapi", "x-sg-", "x-ses-", "x-mailgun-", "x-mc-", "x-msys-", "x-pm-", "x-mj-", "x-mailjet-", "x-mailin-", "x-sib-", "x-tm-", "x-cm-", "x-kumo",
	"x-envelope-", "x-original-", "x-bcc", "x-rcpt-", "x-list-", "x-unsubscribe",
}

// refusal says why a caller may not set a header, "" if he may.
func refusal(name string) string {
	lower := strings.ToLower(name)
	switch {
	case !headerName(name):
		return "a header name is at most 64 letters, digits and hyphens"
	case allowed[lower]:
		return ""
	case !strings.HasPrefix(lower, "x-") || len(lower) == len("x-"):
		return "only X-… headers, Importance, Organization, In-Reply-To and References may be set; the gateway writes the others"
	}
	for _, p := range instructions {
		if strings.HasPrefix(lower, p) {
			return "headers beginning with " + p + " are instructions to a relay; use another name"
		}
	}
	return ""
}

func headerName(s string) bool {
	for i := range len(s) {
		if !letter(s[i]) && !digit(s[i]) && s[i] != '-' || s[i] == '_' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
