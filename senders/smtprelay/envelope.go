package smtprelay

import "heed/senders"

// envelope is a message that passed every check that needs no peer.
type envelope struct {
	from, to  string // as they stand in MAIL and RCPT; from may be "", the null path (RFC 5321 §4.5.5)
	recipient string // as the caller gave it, for hiding
	needsUTF8 bool   // RFC 6531
	eightBit  bool   // RFC 6152
	body      []byte
	begin     func() (senders.Handoff, error)
}

// newEnvelope checks m; its error is Permanent and nothing was sent.
func newEnvelope(m *senders.Message) (*envelope, error) {
	e := &envelope{recipient: m.To, body: m.Body, begin: m.Begin}
	var ok, fromUTF8, toUTF8 bool
	if e.to, toUTF8, ok = wireMailbox(m.To); !ok {
		return nil, permanent("5.1.3", "the recipient's address is not a mailbox (RFC 5321 §4.1.2)")
	}
	if m.From != "" {
		if e.from, fromUTF8, ok = wireMailbox(m.From); !ok {
			return nil, permanent("5.1.7", "the sender's address is not a mailbox (RFC 5321 §4.1.2)")
		}
	}
	e.needsUTF8 = fromUTF8 || toUTF8
	var fault string
	if fault, e.eightBit = bodyFault(m.Body); fault != "" {
		return nil, permanent("5.6.0", fault)
	}
	return e, nil
}

// unsupported says what the peer lacks for e, nil if it has all.
func (e *envelope) unsupported(has func(extension string) bool) error {
	switch {
	case e.needsUTF8 && !has("SMTPUTF8"):
		return permanent("5.6.7", "the peer does not take addresses in UTF-8 (no SMTPUTF8)")
	case e.eightBit && !has("8BITMIME"):
		return permanent("5.6.3", "the peer does not take 8-bit bodies (no 8BITMIME): encode the body")
	}
	return nil
}

func permanent(code, detail string) error {
	return &senders.Error{Class: senders.Permanent, Code: code, Detail: detail}
}
