package message

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// token is a literal and the variable that follows it; the last token of a text has no name.
type token struct {
	literal  string
	name     string
	fallback string // the default
	optional bool   // has a default
	at       int    // where the tag stands in the text
}

// isLink tells whether the token is the recipient's page.
func (t token) isLink() bool { return t.name == unsubscribeName || t.name == preferencesName }

// parseText cuts a template at its tags. Errors are *Fault without a pointer.
func parseText(src string) ([]token, error) {
	if !utf8.ValidString(src) {
		return nil, &Fault{Code: "invalid_utf8", Detail: "the text is not UTF-8; send it as UTF-8"}
	}
	var list []token
	for at := 0; ; {
		open := strings.Index(src[at:], "{{")
		literal := src[at:]
		if open >= 0 {
			literal = literal[:open]
		}
		if i := logicTag(literal); i >= 0 {
			return nil, syntaxFault(src, at+i, "logic tags are not known here; write {{name}}")
		}
		if open < 0 {
			return append(list, token{literal: literal}), nil
		}
		t, length, hint := parseTag(src[at+open:])
		if hint != "" {
			return nil, syntaxFault(src, at+open, hint)
		}
		if len(list) == maxTags {
			return nil, &Fault{Code: "too_long", Detail: fmt.Sprintf("more than %d variables in one text", maxTags)}
		}
		t.literal, t.at = literal, at+open
		list = append(list, t)
		at += open + length
	}
}

// logicTag finds a tag of the Liquid family, which would otherwise be mailed as it is. A brace and a percent sign alone are not one: a
// link may hold "{%22".
func logicTag(s string) int {
	if i := strings.Index(s, "{% "); i >= 0 {
		return i
	}
	return strings.Index(s, "{%-")
}

// parseTag reads the tag that s begins with and its length. hint says what is wrong with it, "" for nothing.
func parseTag(s string) (t token, length int, hint string) {
	rest := strings.TrimLeft(s[len("{{"):], " \t\r\n")
	t.name, rest = cutName(rest)
	if t.name == "" {
		return t, 0, nameHint(rest)
	}
	if len(t.name) > maxNameLength {
		return t, 0, fmt.Sprintf("the name is longer than %d characters", maxNameLength)
	}
	rest = strings.TrimLeft(rest, " \t\r\n")
	if strings.HasPrefix(rest, "|") {
		t.optional = true
		if t.fallback, rest, hint = parseDefault(rest[1:]); hint != "" {
			return t, 0, hint
		}
	}
	rest, closed := strings.CutPrefix(rest, "}}")
	switch {
	case !closed && !strings.Contains(rest, "}}"):
		return t, 0, "the tag is not closed; end it with }}"
	case !closed:
		return t, 0, `after the name only | default: "…" may follow; names hold letters, digits, "_", "." and "-"`
	case t.isLink() && t.optional:
		return t, 0, "the gateway always gives this link; leave the default out"
	}
	return t, len(s) - len(rest), ""
}

const maxNameLength = 64

// cutName takes a name, [A-Za-z_][A-Za-z0-9_.-]*, off the front of s.
func cutName(s string) (name, rest string) {
	n := 0
	for n < len(s) && (letter(s[n]) || n > 0 && (digit(s[n]) || s[n] == '.' || s[n] == '-')) {
		n++
	}
	return s[:n], s[n:]
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' }
func digit(c byte) bool  { return '0' <= c && c <= '9' }

func nameHint(rest string) string {
	switch {
	case strings.HasPrefix(rest, "{"):
		return "three braces are not known here; write {{name}}, which is escaped where that is needed"
	case strings.HasPrefix(rest, "#") || strings.HasPrefix(rest, "/") || strings.HasPrefix(rest, ">"):
		return "blocks and partials are not known here; write {{name}}"
	case strings.HasPrefix(rest, "}}"):
		return "the tag is empty; write {{name}}"
	}
	return "a name begins with a letter or _; write {{name}}"
}

// parseDefault reads what follows the bar: default: "text". Quotes are single or double; a backslash takes the next character as it is.
func parseDefault(s string) (text, rest, hint string) {
	const want = `the only filter is default, such as {{name | default: "there"}}`
	s, ok := strings.CutPrefix(strings.TrimLeft(s, " \t\r\n"), "default")
	if !ok {
		return "", "", want
	}
	if s, ok = strings.CutPrefix(strings.TrimLeft(s, " \t\r\n"), ":"); !ok {
		return "", "", want
	}
	s = strings.TrimLeft(s, " \t\r\n")
	if s == "" || s[0] != '"' && s[0] != '\'' {
		return "", "", "put the default between quotes: " + want
	}
	text, rest, ok = cutQuoted(s)
	if !ok {
		return "", "", "the default's closing quote is missing"
	}
	return text, strings.TrimLeft(rest, " \t\r\n"), ""
}

// cutQuoted takes a quoted text off the front of s, whose first byte is the quote.
func cutQuoted(s string) (text, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == s[0]:
			return b.String(), s[i+1:], true
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// syntaxFault points at byte at of src, counting lines and characters from 1.
func syntaxFault(src string, at int, hint string) *Fault {
	before := src[:at]
	line := 1 + strings.Count(before, "\n")
	column := 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return &Fault{Code: "template_syntax", Detail: fmt.Sprintf("line %d, column %d, at %q: %s", line, column, excerpt(src[at:]), hint)}
}

// excerpt is the beginning of s, for people.
func excerpt(s string) string {
	const longest = 30
	n := 0
	for i := range s {
		if n++; n > longest || s[i] == '\n' {
			return s[:i]
		}
	}
	return s
}
