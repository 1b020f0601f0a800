package page

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"

	"golang.org/x/text/language"
)

// files holds one language a file: messages/<tag>.json, key to text, with {list} and {brand} for the names.
//
//go:embed messages/*.json
var files embed.FS

// messages is one language. Its keys "lang" and "dir" are the attributes of <html>.
type messages map[string]string

// languages are all languages, the default first.
type languages struct {
	matcher language.Matcher
	all     []messages
}

const defaultLanguage = "en"

func newLanguages() (languages, error) {
	names := []string{defaultLanguage + ".json"}
	entries, err := files.ReadDir("messages")
	if err != nil {
		return languages{}, err
	}
	for _, e := range entries {
		if e.Name() != names[0] {
			names = append(names, e.Name())
		}
	}
	return readLanguages(names)
}

func readLanguages(names []string) (l languages, err error) {
	tags := make([]language.Tag, len(names))
	l.all = make([]messages, len(names))
	for i, name := range names {
		if tags[i], err = language.Parse(strings.TrimSuffix(name, ".json")); err != nil {
			return l, fmt.Errorf("messages/%s: name the file after a language tag: %w", name, err)
		}
		raw, err := files.ReadFile("messages/" + name)
		if err != nil {
			return l, err
		}
		if err := json.Unmarshal(raw, &l.all[i]); err != nil {
			return l, fmt.Errorf("messages/%s: %w", name, err)
		}
	}
	l.matcher = language.NewMatcher(tags)
	return l, nil
}

// maxAcceptLanguage is far beyond what browsers send, and cheap to parse.
const maxAcceptLanguage = 256

// choose is the best language for an Accept-Language field (RFC 9110 §12.5.4); a broken field counts as none.
func (l languages) choose(accept string) messages {
	if len(accept) > maxAcceptLanguage {
		accept = ""
	}
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		wanted = nil
	}
	_, i, _ := l.matcher.Match(wanted...)
	return l.all[i]
}

// subject is whose messages a page speaks of.
type subject struct {
	Kind        string // "email" or "sms"
	Scope       string // "topic" or "all"
	brand, list string
}

// text is the message of a key about a subject.
func (m messages) text(key string, s subject) string {
	return strings.NewReplacer("{brand}", s.brand, "{list}", s.list).Replace(m[key])
}
