package dispatch

import (
	"fmt"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/batchjson"
	"heed/gateway/internal/message"
	"heed/suppression/policy"
)

// spoiled says that a message cannot be made from its content and recipient: no retry helps.
type spoiled struct{ error }

// identity is what makes a message this one and no other.
type identity struct {
	tenant string
	batch  batch.ID
	index  uint32
	to     string
}

// render fills in w.message; its body is valid until the worker's next message. The same message always has the same Message-ID,
// date and links, so that a second hand-off can be told as one (P3).
func (w *worker) render(id identity, vars []byte) error {
	clear(w.vars)
	if err := batchjson.AppendVars(w.vars, vars); err != nil {
		return fmt.Errorf("variables: %w", err)
	}
	p := w.plan
	links := w.d.o.Links(Target{
		Tenant: id.tenant, Channel: p.query.Channel, Class: p.query.Class, Topic: p.query.Topic,
		Batch: id.batch, Index: id.index, Keys: w.keys, Day: uint32(p.created.Unix() / 86400),
	})
	w.id = batch.AppendMessageID(w.id[:0], id.batch, id.index)
	name := len(w.id)
	w.id = append(append(w.id, '@'), p.domain...)
	messageID := string(w.id)
	body, err := w.body(message.Recipient{
		To: id.to, Vars: w.vars, Date: p.created, MessageID: messageID,
		UnsubscribeURL: links.OneClick, PreferencesURL: links.Page, UnsubscribeTo: links.Mailbox,
	})
	m := &w.message
	m.ID, m.From, m.To, m.Body = messageID[:name], p.from, id.to, body
	m.ValidFor = validFor(p.query.Class, w.expires, w.d.o.Now())
	return err
}

// body makes the bytes: of a text, or of a mail, signed if its domain has keys.
func (w *worker) body(r message.Recipient) (_ []byte, err error) {
	p := w.plan
	if p.query.Channel == policy.SMS {
		w.buf, err = p.template.AppendSMS(w.buf[:0], r)
		return w.buf, err
	}
	if w.buf, err = p.template.AppendEmail(w.buf[:0], r); err != nil || p.signer == nil {
		return w.buf, err
	}
	w.signed, err = p.signer.AppendSigned(w.signed[:0], w.buf)
	return w.signed, err
}
