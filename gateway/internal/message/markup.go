package message

import "strings"

// markup is a place in an HTML document, as far as it matters to a value put there (WHATWG HTML §13.2.5).
type markup uint8

const (
	inText markup = iota
	inTag
	inDoubleQuotes
	inSingleQuotes
	inComment
)

// after is the place behind s when s begins at m.
func (m markup) after(s string) markup {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case m == inComment:
			if strings.HasPrefix(s[i:], "-->") {
				m = inText
			}
		case m == inText && strings.HasPrefix(s[i:], "<!--"):
			m = inComment
		case m == inText && c == '<' && opensTag(s[i+1:]):
			m = inTag
		case m == inTag && c == '>', m == inDoubleQuotes && c == '"', m == inSingleQuotes && c == '\'':
			m = closed[m]
		case m == inTag && c == '"':
			m = inDoubleQuotes
		case m == inTag && c == '\'':
			m = inSingleQuotes
		}
	}
	return m
}

var closed = [...]markup{inTag: inText, inDoubleQuotes: inTag, inSingleQuotes: inTag}

// opensTag tells whether what follows a "<" makes it a tag. At the end of a literal a value follows, which might.
func opensTag(s string) bool {
	return s == "" || letter(s[0]) && s[0] != '_' || s[0] == '/' || s[0] == '!' || s[0] == '?'
}

// checkPlaces refuses a variable inside a tag but outside of quotes: there a value with a space would become attributes, however it is
// escaped. A text that does not parse passes: its fault is found when it is compiled.
func checkPlaces(html string) error {
	tokens, _ := parseText(html)
	var place markup
	for _, t := range tokens {
		if place = place.after(t.literal); t.name != "" && place == inTag {
			return syntaxFault(html, t.at, "inside a tag a value must stand between quotes, such as href=\"{{link}}\"")
		}
	}
	return nil
}
