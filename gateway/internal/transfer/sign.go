package transfer

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// sign is a column by which a file shows that it is another list of its provider: read as ours, bounces would become unsubscribes.
type sign struct{ column, format string }

// Of the signs a file shows the first is believed.
var (
	sendgridSigns = []sign{
		{"status", string(SendGridBounces) + " or " + string(SendGridBlocks)},
		{"reason", string(SendGridInvalidEmails)},
		{"ip", string(SendGridSpamReports)},
	}
	mailgunSigns = []sign{{"code", string(MailgunBounces)}, {"error", string(MailgunBounces)}}
)

// foreign refuses columns that only another list has.
func (l *layout) foreign(names [][]byte) error {
	for _, s := range l.signs {
		if slices.ContainsFunc(names, func(name []byte) bool {
			return string(plainName(make([]byte, 0, maxName), name)) == s.column
		}) {
			return fmt.Errorf("%w: it has a column %s: it looks like %s", ErrFormat, s.column, s.format)
		}
	}
	return nil
}

// foreignRow is foreign of the first row of a JSON file, as far as it is in hand.
func (r *Reader) foreignRow() error {
	b := r.w.bytes()
	f := findObject(b, nil)
	if len(r.layout.signs) == 0 || f.size == 0 {
		return nil
	}
	return r.layout.foreign(memberNames(b[f.from : f.from+f.size]))
}

// memberNames are the names of an object's members, up to what cannot be read.
func memberNames(object []byte) (names [][]byte) {
	dec := jsontext.NewDecoder(bytes.NewReader(object))
	if _, err := dec.ReadToken(); err != nil {
		return nil
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadValue()
		if err != nil {
			return names
		}
		names = append(names, bytes.Clone(bytes.Trim(name, `"`)))
		if dec.SkipValue() != nil {
			return names
		}
	}
	return names
}
