package batchjson

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// The oracle reads the same schema with jsontext (RFC 8259, RFC 7493), token by token, the plain way. Where the package is stricter
// on purpose, so is the oracle, and says so with errStricter.
var errStricter = errors.New("stricter than JSON")
var errShape = errors.New("not the schema")

type oracle struct {
	shared     Shared
	recipients []oracleRecipient
	limits     Limits
	dec        *jsontext.Decoder
}

type oracleRecipient struct {
	to, clientRef, fallbackChannel, fallbackTo string
	vars                                       map[string]string
}

// valid says whether text is one JSON value, and no more.
func valid(text []byte) bool {
	dec := jsontext.NewDecoder(bytes.NewReader(text))
	if _, err := dec.ReadValue(); err != nil {
		return false
	}
	_, err := dec.ReadToken()
	return err == io.EOF
}

func readOracle(text []byte, l Limits, value func(*oracle) error) (*oracle, error) {
	if !valid(text) {
		return nil, errShape
	}
	o := &oracle{limits: l, dec: jsontext.NewDecoder(bytes.NewReader(text))}
	return o, value(o)
}

func (o *oracle) object(member func(name string) error) error {
	if o.dec.PeekKind() != '{' {
		return errShape
	}
	must(o.dec.ReadToken())
	if o.dec.StackDepth() > o.limits.Depth {
		return errStricter
	}
	for o.dec.PeekKind() != '}' {
		if err := member(must(o.dec.ReadToken()).String()); err != nil {
			return err
		}
	}
	must(o.dec.ReadToken())
	return nil
}

func must(t jsontext.Token, err error) jsontext.Token {
	if err != nil {
		panic(err) // valid said that this cannot be
	}
	return t
}

func (o *oracle) text() (string, error) {
	if o.dec.PeekKind() != '"' {
		return "", errShape
	}
	t := must(o.dec.ReadToken()).String()
	if strings.ContainsRune(t, 0) {
		return "", errStricter
	}
	return t, nil
}

func (o *oracle) vars() (map[string]string, error) {
	vars := map[string]string{}
	from := o.dec.InputOffset()
	err := o.object(func(name string) error {
		if err := oracleName(name, len(vars)); err != nil {
			return err
		}
		v, err := o.scalar()
		vars[name] = v
		return err
	})
	if err == nil && o.dec.InputOffset()-from > maxVarsBytes {
		err = errStricter
	}
	return vars, err
}

func oracleName(name string, before int) error {
	bad := strings.ContainsFunc(name, func(r rune) bool { return r < 0x20 || r == '"' || r == '\\' })
	if bad || name == "" || len(name) > maxNameBytes || before == maxMembers {
		return errStricter
	}
	return nil
}

func (o *oracle) scalar() (string, error) {
	switch o.dec.PeekKind() {
	case '"':
		return o.text()
	case 'n':
		must(o.dec.ReadToken())
		return "", nil
	case 't', 'f':
		return must(o.dec.ReadToken()).String(), nil
	case '0':
		v, err := o.dec.ReadValue()
		if err != nil || len(v) > maxNumberBytes {
			return "", errStricter
		}
		return string(v), nil
	}
	return "", errShape
}

func (o *oracle) recipientMember(name string, r *oracleRecipient) (err error) {
	switch name {
	case "to":
		r.to, err = o.text()
	case "vars":
		r.vars, err = o.vars()
	case "client_ref":
		if r.clientRef, err = o.text(); len(r.clientRef) > maxClientRefBytes {
			err = errStricter
		}
	case "fallback":
		n := 0
		err = o.object(func(name string) (err error) {
			n++
			switch name {
			case "channel":
				r.fallbackChannel, err = o.text()
			case "to":
				r.fallbackTo, err = o.text()
			default:
				err = errShape
			}
			return err
		})
		if err == nil && n != 2 {
			err = errShape
		}
	default:
		err = errShape
	}
	return err
}

func (o *oracle) recipient() error {
	var r oracleRecipient
	had := false
	err := o.object(func(name string) error {
		had = had || name == "to"
		return o.recipientMember(name, &r)
	})
	if err == nil && !had {
		return errShape
	}
	o.recipients = append(o.recipients, r)
	return err
}

func (o *oracle) batch() error {
	had := false
	err := o.object(func(name string) error {
		if name != "recipients" {
			return o.member(name)
		}
		had = true
		if o.dec.PeekKind() != '[' {
			return errShape
		}
		must(o.dec.ReadToken())
		if o.dec.StackDepth() > o.limits.Depth {
			return errStricter
		}
		for o.dec.PeekKind() != ']' {
			if len(o.recipients) == o.limits.Recipients {
				return errStricter
			}
			if err := o.recipient(); err != nil {
				return err
			}
		}
		must(o.dec.ReadToken())
		return nil
	})
	if err == nil && !had {
		return errShape
	}
	return err
}

func (o *oracle) message() error {
	var r oracleRecipient
	had := false
	err := o.object(func(name string) error {
		had = had || name == "to"
		if slices.Contains(recipientMembers, name) {
			return o.recipientMember(name, &r)
		}
		return o.member(name)
	})
	if err == nil && !had {
		return errShape
	}
	o.recipients = append(o.recipients, r)
	return err
}

func (o *oracle) head() error { return o.object(o.member) }

func (o *oracle) member(name string) (err error) {
	fields := map[string]*string{
		"channel": &o.shared.Channel, "class": &o.shared.Class, "topic": &o.shared.Topic, "from": &o.shared.From,
		"reply_to": &o.shared.ReplyTo, "subject": &o.shared.Subject, "html": &o.shared.HTML, "text": &o.shared.Text,
		"body": &o.shared.Body, "send_at": &o.shared.SendAt, "expires_at": &o.shared.ExpiresAt, "template_id": &o.shared.TemplateID,
	}
	switch {
	case fields[name] != nil:
		*fields[name], err = o.text()
	case name == "vars":
		o.shared.Vars, err = o.vars()
	case name == "headers":
		err = o.object(func(name string) error {
			if err := oracleName(name, len(o.shared.Headers)); err != nil {
				return err
			}
			v, err := o.text()
			o.shared.Headers = append(o.shared.Headers, [2]string{name, v})
			return err
		})
	default:
		err = errShape
	}
	return err
}
