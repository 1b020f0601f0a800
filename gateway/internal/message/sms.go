package message

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CompileSMS checks the text of an SMS. Errors are *Fault.
func CompileSMS(content Content) (*Template, error) {
	if strings.TrimSpace(content.Body) == "" {
		return nil, &Fault{"/body", "missing", "give the text"}
	}
	c := newCompiler(content.Vars)
	body := strings.ReplaceAll(content.Body, "\r\n", "\n")
	pieces, err := c.compile("/body", body, maxSMSGiven, false, func(literal string) piece { return piece{literal: []byte(literal)} })
	if err != nil {
		return nil, err
	}
	return &Template{names: c.names, text: pieces}, nil
}

// AppendSMS appends the text, in UTF-8. On an error, a *Fault, dst is returned as it was.
func (t *Template) AppendSMS(dst []byte, r Recipient) ([]byte, error) {
	var room [16]string
	values, err := t.values(room[:0], &r)
	if err != nil {
		return dst, err
	}
	text := dst
	for i := range t.text {
		p := &t.text[i]
		text = append(text, p.literal...)
		if p.variable != none {
			text = append(text, p.valueOf(values)...)
		}
		if len(text)-len(dst) > utf8.UTFMax*maxSMS {
			break
		}
	}
	if err := checkSMS(text[len(dst):]); err != nil {
		return dst, err
	}
	return text, nil
}

// checkSMS refuses what a phone would not show or a carrier not take.
func checkSMS(text []byte) error {
	units := 0
	for _, r := range string(text) {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || r == utf8.RuneError {
			return &Fault{"/vars", "control_character", "a value puts a control character or bytes that are not UTF-8 into the text; remove them"}
		}
		units += utf16Units(r)
	}
	if units > maxSMS {
		return &Fault{"/vars", "too_long", fmt.Sprintf("with its values the text is longer than %d characters", maxSMS)}
	}
	return nil
}

func utf16Units(r rune) int {
	if r > 0xffff {
		return 2
	}
	return 1
}
