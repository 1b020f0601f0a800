package address

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

var (
	errLocal = fault("the part before @ is empty, or has a character or dot that needs quoting")
	errQuote = fault("a quoted part before @ is not closed, or holds what may not be quoted")
)

// atomText maps the bytes of a dot-atom (RFC 5322 §3.2.3) to lower case and all others to 0.
var atomText = func() (t [256]byte) {
	const special = "!#$%&'*+-/=?^_`{|}~."
	for _, c := range []byte("0123456789abcdefghijklmnopqrstuvwxyz" + special) {
		t[c] = c
	}
	for c := byte('A'); c <= 'Z'; c++ {
		t[c] = c + 'a' - 'A'
	}
	return t
}()

// appendLocal appends the canonical form of a local part, bare or quoted. Requires: valid UTF-8, nothing forbidden.
func appendLocal(dst, local []byte) ([]byte, error) {
	text := string(local)
	if text != "" && text[0] == '"' {
		var ok bool
		if text, ok = unquote(text); !ok {
			return dst, errQuote
		}
	} else if !dotAtom(text) {
		return dst, errLocal
	}
	if text == "" {
		return dst, errLocal
	}
	return appendQuoted(dst, fold(text)), nil
}

// unquote gives the content of a quoted string (RFC 5321 §4.1.2): printable ASCII, "\" before any of it, and UTF-8.
// Requires: the string begins with a quote and ends with the one that closes it.
func unquote(s string) (string, bool) {
	var b strings.Builder
	for s = s[1 : len(s)-1]; s != ""; s = s[1:] {
		if s[0] == '\\' {
			s = s[1:]
			if s == "" || s[0] >= 0x80 {
				return "", false
			}
		}
		b.WriteByte(s[0])
	}
	return b.String(), true
}

// appendQuoted appends a local part, in quotes only where a dot-atom cannot hold it, with "\" only where it must be.
func appendQuoted(dst []byte, text string) []byte {
	if dotAtom(text) {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for _, c := range []byte(text) {
		if c == '"' || c == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

// dotAtom reports whether s is atoms joined by single dots (RFC 5321 §4.1.2 Dot-string, with the UTF-8 of RFC 6531 §3.3).
func dotAtom(s string) bool {
	last := byte('.')
	for _, c := range []byte(s) {
		if c < 0x80 && atomText[c] == 0 || c == '.' && last == '.' {
			return false
		}
		last = c
	}
	return last != '.'
}

// fold makes spellings of one local part equal: NFC (not NFKC, which merges distinct mailboxes) and simple case folding.
// Folding can leave a text that composes further, hence the second NFC.
func fold(s string) string {
	return norm.NFC.String(strings.Map(foldRune, norm.NFC.String(s)))
}

// foldRune gives all runes that differ by case alone (σ ς Σ) one representative: the lower case of their upper case.
func foldRune(r rune) rune {
	best := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		if upper := unicode.IsUpper(f); upper && !unicode.IsUpper(best) || upper == unicode.IsUpper(best) && f < best {
			best = f
		}
	}
	return unicode.ToLower(best)
}

// forbidden reports runes that have no place in an address: controls, direction marks, and spaces other than the ASCII one
// that may be quoted. They hide what an address says, or end a line where it is written.
func forbidden(r rune) bool {
	switch {
	case r == ' ':
		return false
	case r == '\uFEFF' || r == '\uFFFD':
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Z, unicode.Bidi_Control)
}
