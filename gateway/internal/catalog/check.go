package catalog

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"heed/suppression/policy"
)

// Limits of what is declared.
const (
	maxNameRunes        = 200
	maxDescriptionRunes = 2000
	maxSubjectBytes     = 998     // RFC 5322 §2.1.1
	maxContentBytes     = 1 << 20 // HTML and text together
	maxBodyRunes        = 1600
	maxVariables        = 64
	maxVariableBytes    = 64
	maxDefaultBytes     = 4 << 10
)

// validID is the form of a topic's or template's id. A topic is the child of what stands before its last slash.
var validID = regexp.MustCompile(`^[a-z0-9][a-z0-9._/-]{0,63}$`)

// CheckID reports what is wrong with the id of a topic or template, as ErrInvalid. An opt-out from a topic with another id could never match.
func CheckID(id string) error {
	if !validID.MatchString(id) || strings.Contains(id, "//") || strings.HasSuffix(id, "/") {
		return invalid("id: use 1 to 64 of a-z 0-9 . _ - and single slashes inside, starting with a letter or digit")
	}
	return nil
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}

// Remedy takes an ErrInvalid apart: the member of the record that is wrong, or the first of them, and what to change, in words for callers.
func Remedy(err error) (member, remedy string) {
	_, text, _ := strings.Cut(err.Error(), ErrInvalid.Error()+": ")
	members, remedy, ok := strings.Cut(text, ": ")
	if !ok {
		return "", text
	}
	member, _, _ = strings.Cut(members, ",")
	return member, remedy
}

// Check reports what PutTopic would refuse, as ErrInvalid.
func (t Topic) Check() error {
	if err := CheckID(t.ID); err != nil {
		return err
	}
	switch {
	case strings.TrimSpace(t.Name) == "":
		return invalid("name: say what people read on the preference page")
	case !plainLine(t.Name, maxNameRunes):
		return invalid("name: at most %d characters, none of them control characters", maxNameRunes)
	case !plainLine(strings.ReplaceAll(t.Description, "\n", " "), maxDescriptionRunes):
		return invalid("description: at most %d characters, no control characters but line feeds", maxDescriptionRunes)
	}
	return nil
}

// plainLine says whether s is UTF-8 of at most max characters without control characters.
func plainLine(s string, max int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= max && !strings.ContainsFunc(s, unicode.IsControl)
}

func (t Template) check() error {
	if err := CheckID(t.ID); err != nil {
		return err
	}
	channel, ok := policy.ParseChannel(t.Channel)
	if !ok {
		return invalid(`channel: say "email" or "sms"`)
	}
	if _, ok := policy.ParseClass(t.Class); !ok {
		return invalid(`class: say "marketing", "transactional", "service" or "mandatory"`)
	}
	if err := t.checkContent(channel); err != nil {
		return err
	}
	return t.checkVariables()
}

func (t Template) checkContent(c policy.Channel) error {
	switch {
	case !utf8.ValidString(t.Subject + t.HTML + t.Text + t.Body):
		return invalid("content: encode it as UTF-8")
	case c == policy.Email && (t.Subject == "" || t.HTML+t.Text == ""):
		return invalid("subject, html, text: an email needs a subject, and html or text")
	case c == policy.SMS && t.Body == "":
		return invalid("body: a text message needs a body")
	case len(t.Subject) > maxSubjectBytes:
		return invalid("subject: at most %d bytes", maxSubjectBytes)
	case len(t.HTML)+len(t.Text) > maxContentBytes:
		return invalid("html, text: at most %d bytes together", maxContentBytes)
	case utf8.RuneCountInString(t.Body) > maxBodyRunes:
		return invalid("body: at most %d characters", maxBodyRunes)
	}
	return nil
}

func (t Template) checkVariables() error {
	if len(t.Variables) > maxVariables {
		return invalid("variables: at most %d", maxVariables)
	}
	for name, value := range t.Variables {
		if name == "" || len(name) > maxVariableBytes || !plainLine(name, maxVariableBytes) || strings.ContainsAny(name, `"\`) {
			return invalid("variables: a name has 1 to %d bytes and no quotes, backslashes or control characters", maxVariableBytes)
		}
		if len(value) > maxDefaultBytes || !utf8.ValidString(value) {
			return invalid("variables: a default has at most %d bytes of UTF-8", maxDefaultBytes)
		}
	}
	return nil
}
