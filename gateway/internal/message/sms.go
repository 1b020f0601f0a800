package message

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const textControlDetail = "control characters other than line breaks cannot be sent by SMS; remove them"

// CompileSMS checks the text of an SMS. Errors are *Fault.
func CompileSMS(content Content) (*Template, error) {
	if strings.TrimSpace(content.Body) == "" {
		return nil, &Fault{"/body", "missing", "give the text"}
	}
	if hasTextControl(content.Body) {
		return nil, &Fault{"/body", "control_character", textControlDetail}
	}
	c := newCompiler(content.Vars)
	body := strings.ReplaceAll(content.Body, "\r\n", "\n")
	pieces, err := c.compile("/body", body, maxSMSGiven, false, func(literal string) piece { return piece{literal: []byte(literal)} })
	if err != nil {
		return nil, err
	}
	return &Template{names: c.names, text: pieces}, nil
}

// AppendSMS appends the text, in UTF-8. On an error, a *Fault, dst is returned as it was. Cost: no allocation once dst has grown, up to 32
// variables.
func (t *Template) AppendSMS(dst []byte, r Recipient) ([]byte, error) {
	var room [fewNames]string
	values, err := t.values(room[:0], &r)
	if err != nil {
		return dst, err
	}
	text := dst
	for i := range t.text {
		p := &t.text[i]
		text = append(text, p.literal...)
		if p.variable == none || len(text)-len(dst) > utf8.UTFMax*maxSMS {
			break
		}
		value := strings.ReplaceAll(p.valueOf(values), "\r\n", "\n")
		if hasTextControl(value) {
			return dst, &Fault{pointerOf("vars", t.names[p.variable].name), "control_character", textControlDetail}
		}
		text = append(text, value...)
	}
	if tooLong(text[len(dst):]) {
		return dst, &Fault{"/vars", "too_long", fmt.Sprintf("with its values the text is longer than %d characters", maxSMS)}
	}
	return text, nil
}

// hasTextControl finds what a phone would not show: control characters but for line breaks and tabs, and bytes that are not UTF-8.
func hasTextControl(s string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(strings.ReplaceAll(s, "\r\n", "\n"), func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\t'
	})
}

// tooLong counts UTF-16 units.
func tooLong(text []byte) bool {
	units := 0
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		units, text = units+utf16Units(r), text[n:]
	}
	return units > maxSMS
}

func utf16Units(r rune) int {
	if r > 0xffff {
		return 2
	}
	return 1
}
