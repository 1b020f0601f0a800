package message

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The names the gateway gives: both are the recipient's page. A caller's variable of that name is not asked.
const (
	unsubscribeName = "unsubscribe_url"
	preferencesName = "preferences_url"
)

// link is the index of the gateway's link among a template's names.
const link = 0

// variable is a name used in a template.
type variable struct {
	name     string
	shared   string // the batch's value
	known    bool   // the batch has a value
	required bool   // used at least once without a default
	header   bool   // used in a header: control characters are refused
}

// piece is an encoded literal and the variable that follows it; variable is none for the last piece of a text.
type piece struct {
	literal  []byte
	column   int // where literal ends in its line, for quoted-printable
	variable int
	fallback string
	lineEnd  bool // the next literal begins with CRLF, so that no soft break is needed after the value
}

const none = -1

// valueOf is the text that stands at p. An empty value counts as none where there is a default.
func (p *piece) valueOf(values []string) string {
	if v := values[p.variable]; v != "" {
		return v
	}
	return p.fallback
}

// compiler collects what the texts of one content have in common.
type compiler struct {
	shared map[string]string
	index  map[string]int
	names  []variable
}

func newCompiler(shared map[string]string) *compiler {
	return &compiler{
		shared: shared,
		index:  map[string]int{unsubscribeName: link, preferencesName: link},
		names:  []variable{{name: unsubscribeName}},
	}
}

// compile parses a text and encodes its literals. header tells that values may hold no control characters.
func (c *compiler) compile(pointer, src string, limit int, header bool, encode func(literal string) piece) ([]piece, error) {
	if len(src) > limit {
		return nil, &Fault{pointer, "too_long", fmt.Sprintf("%d bytes, at most %d", len(src), limit)}
	}
	if header && hasControl(src) {
		return nil, &Fault{pointer, "control_character", "line breaks and control characters cannot stand in a header; remove them"}
	}
	tokens, err := parseText(src)
	if err != nil {
		return nil, at(pointer, err)
	}
	list := make([]piece, len(tokens))
	for i, t := range tokens {
		list[i] = encode(t.literal)
		list[i].fallback = t.fallback
		if list[i].variable, err = c.variable(t, header); err != nil {
			return nil, at(pointer, err)
		}
	}
	return list, nil
}

// at gives a fault its place, unless it has one.
func at(pointer string, err error) error {
	if f := (*Fault)(nil); errors.As(err, &f) && f.Pointer == "" {
		f.Pointer = pointer
	}
	return err
}

// variable notes a use of a name and returns its index.
func (c *compiler) variable(t token, header bool) (int, error) {
	if t.name == "" {
		return none, nil
	}
	i, seen := c.index[t.name]
	if !seen {
		if len(c.names) == maxNames {
			return 0, &Fault{Code: "too_long", Detail: fmt.Sprintf("more than %d different variables", maxNames)}
		}
		i = len(c.names)
		shared, known := c.shared[t.name]
		c.index[t.name] = i
		c.names = append(c.names, variable{name: t.name, shared: shared, known: known})
	}
	v := &c.names[i]
	v.required = v.required || !t.optional
	v.header = v.header || header
	if v.header && hasControl(v.shared) {
		return 0, &Fault{pointerOf("vars", v.name), "control_character", headerValueDetail}
	}
	return i, nil
}

const headerValueDetail = "the variable is used in a header, where line breaks and control characters cannot stand; remove them from its value"

// Required lists the variables without default and without shared value, sorted: each recipient must bring them.
// The names unsubscribe_url and preferences_url are given by the gateway and never listed.
func (t *Template) Required() []string {
	var list []string
	for _, v := range t.names[link+1:] {
		if v.required && !v.known {
			list = append(list, v.name)
		}
	}
	slices.Sort(list)
	return list
}

// fewNames is the number of variables whose values need no allocation.
const fewNames = 32

// values appends the value of each of the template's names. Errors are *Fault and name the variable, never the value.
func (t *Template) values(dst []string, r *Recipient) ([]string, error) {
	if t.names[link].required && !webLink(r.PreferencesURL) {
		return nil, &Fault{"", "missing_link", "the content uses {{unsubscribe_url}} or must show it, and there is no page to link to"}
	}
	dst = append(dst, r.PreferencesURL)
	for i := range t.names[link+1:] {
		v := &t.names[link+1+i]
		value, ok := r.value(v.name)
		if !ok {
			value, ok = v.shared, v.known
		}
		if !ok && v.required {
			return nil, &Fault{pointerOf("vars", v.name), "missing_variable", "the recipient brings no value and the tag has no default; give one of them"}
		}
		if v.header && hasControl(value) {
			return nil, &Fault{pointerOf("vars", v.name), "control_character", headerValueDetail}
		}
		dst = append(dst, value)
	}
	return dst, nil
}

func (r *Recipient) value(name string) (string, bool) {
	if r.Lookup != nil {
		return r.Lookup(name)
	}
	v, ok := r.Vars[name]
	return v, ok
}

// hasControl finds what may not stand in a header: C0, DEL, C1 and bytes that are not UTF-8. The last cannot be encoded
// in a word (RFC 2047 §5) without becoming something else.
func hasControl(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == 0x7f || c >= 0x80 {
			return hasWideControl(s[i:])
		}
	}
	return false
}

func hasWideControl(s string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl)
}

// webLink tells whether a URL can stand between angle brackets and quotes. Plain http is for a gateway on loopback.
func webLink(url string) bool {
	const longest = 900 // so that a header line that holds it keeps within 998 (RFC 5322 §2.1.1)
	if len(url) > longest || !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") {
		return false
	}
	for i := range len(url) {
		if c := url[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"<>\,`, c) >= 0 {
			return false
		}
	}
	return true
}
