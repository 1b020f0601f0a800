package message

import (
	"errors"
	"mime"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// mailbox is an address with the name shown for it. The address has A-labels in its domain; its local part is as given.
type mailbox struct{ name, address string }

var errMailbox = errors.New("want name@example.com or Name <name@example.com>")

// parseMailbox reads one mailbox (RFC 5322 §3.4 without comments, groups, routes and domain literals). Nothing of s is in the error.
func parseMailbox(s string) (mailbox, error) {
	const longest = 1000 // a name of any use, and an address
	s = strings.TrimSpace(s)
	if plainAddress(s) {
		return mailbox{address: s}, nil
	}
	if len(s) > longest || hasControl(s) {
		return mailbox{}, errMailbox
	}
	name, spec := "", s
	if inner, ok := strings.CutSuffix(s, ">"); ok {
		open := strings.LastIndexByte(inner, '<')
		if open < 0 {
			return mailbox{}, errMailbox
		}
		name, spec = strings.TrimSpace(inner[:open]), inner[open+1:]
	}
	name, ok := parseName(name)
	address, valid := parseAddress(spec)
	if !ok || !valid {
		return mailbox{}, errMailbox
	}
	return mailbox{name, address}, nil
}

// Address gives the address of "Name <local@domain>", its domain in A-labels. ok is false for what is no mailbox.
func Address(from string) (address string, ok bool) {
	m, err := parseMailbox(from)
	return m.address, err == nil
}

// parseName reads a display name: a quoted string, or words as people write them. Encoded words are decoded, lest they be encoded twice.
func parseName(s string) (string, bool) {
	if strings.HasPrefix(s, `"`) {
		name, rest, ok := cutQuoted(s)
		return name, ok && rest == ""
	}
	if strings.ContainsAny(s, `"<>@,;:\`) {
		return "", false
	}
	if strings.Contains(s, "=?") {
		if decoded, err := new(mime.WordDecoder).DecodeHeader(s); err == nil {
			s = decoded
		}
	}
	return s, !hasControl(s)
}

// parseAddress reads local@domain (RFC 5321 §4.1.2, RFC 6531 §3.3) and returns it with A-labels (RFC 5891 §5).
func parseAddress(s string) (string, bool) {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return "", false
	}
	local, domain := s[:at], s[at+1:]
	if !ascii(domain) {
		var err error
		if domain, err = idna.Lookup.ToASCII(domain); err != nil {
			return "", false
		}
	}
	if !hostName(domain) || len(local)+1+len(domain) > 254 || !localPart(local) {
		return "", false
	}
	return local + "@" + domain, true
}

// plainAddress is parseAddress for the usual address: ASCII, a dot-atom, a host name. It spares the hot path the rest.
func plainAddress(s string) bool {
	at := strings.LastIndexByte(s, '@')
	return at > 0 && len(s) <= 254 && ascii(s[:at]) && dotAtom(s[:at]) && hostName(s[at+1:])
}

func localPart(s string) bool {
	if strings.HasPrefix(s, `"`) {
		_, rest, ok := cutQuoted(s)
		return ok && rest == "" && len(s) <= 64
	}
	return dotAtom(s)
}

// dotAtom accepts atoms joined by single dots (RFC 5322 §3.2.3), with UTF-8 (RFC 6532 §3.2), of at most 64 bytes.
func dotAtom(s string) bool {
	if s == "" || len(s) > 64 || s[len(s)-1] == '.' {
		return false
	}
	previous := byte('.')
	for i := range len(s) {
		if c := s[i]; c == '.' && previous == '.' || c != '.' && !atext[c] {
			return false
		}
		previous = s[i]
	}
	return true
}

var atext = func() (set [256]bool) {
	for c := range set {
		set[c] = c >= utf8.RuneSelf || letter(byte(c)) || digit(byte(c)) || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", byte(c)) >= 0
	}
	return set
}()

// hostName accepts labels of letters, digits and inner hyphens joined by dots (RFC 1123 §2.1).
func hostName(s string) bool {
	label := 0
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '.':
			if label == 0 || s[i-1] == '-' {
				return false
			}
			label = -1
		case c == '-' && label == 0, c != '-' && (!letter(c) || c == '_') && !digit(c), label == 63:
			return false
		}
		label++
	}
	return label > 0 && len(s) <= 253 && s[len(s)-1] != '-'
}

func lowerDomain(address string) string {
	at := strings.LastIndexByte(address, '@')
	return address[:at] + strings.ToLower(address[at:])
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// appendMailboxField writes an address field.
func appendMailboxField(dst []byte, name string, m mailbox) []byte {
	dst = append(append(dst, name...), ": "...)
	column := len(name) + 2
	if m.name == "" {
		return append(append(dst, m.address...), '\r', '\n')
	}
	dst, column = appendPhrase(dst, column, m.name)
	if column+len(m.address)+len(" <>") > maxLine {
		dst = append(dst, '\r', '\n')
	}
	dst = append(append(dst, " <"...), m.address...)
	return append(dst, ">\r\n"...)
}

// appendPhrase writes a display name (RFC 5322 §3.2.5): atoms as they are, other short ASCII quoted, the rest in encoded words.
func appendPhrase(dst []byte, column int, name string) ([]byte, int) {
	const longestPlain = 60
	if len(name) > longestPlain || !survives([]byte(name)) {
		return appendWords(dst, column, []byte(name))
	}
	before := len(dst)
	if strings.ContainsFunc(name, func(r rune) bool { return r != ' ' && !atext[byte(r)] }) {
		dst = append(dst, '"')
		for i := range len(name) {
			if name[i] == '"' || name[i] == '\\' {
				dst = append(dst, '\\')
			}
			dst = append(dst, name[i])
		}
		dst = append(dst, '"')
	} else {
		dst = append(dst, name...)
	}
	return dst, column + len(dst) - before
}
