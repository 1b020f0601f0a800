package dispatch

import (
	"context"
	"fmt"
	"time"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/batchjson"
	"heed/gateway/internal/message"
	"heed/gateway/internal/queue"
	"heed/senders"
	"heed/suppression"
	"heed/suppression/policy"
)

// spoiled says that a message cannot be made from its content and recipient: no retry helps.
type spoiled struct{ error }

// handOff renders a message and gives it to the sender, which calls back for the last check with its connection in hand.
func (w *worker) handOff(ctx context.Context, l *queue.Lease, p *plan, item queue.Item) (senders.Result, error) {
	r := w.segment.At(item.Index)
	address, err := w.d.o.Find(l.Tenant, w.lane.Channel, r.To)
	if err != nil {
		return senders.Result{}, spoiled{err}
	}
	w.keys, w.begun = address.Keys, false
	index := l.First + uint32(item.Index)
	body, err := w.render(l, p, r, index)
	if err != nil {
		return senders.Result{}, spoiled{err}
	}
	return w.lane.Sender.Send(ctx, &senders.Message{
		ID:       batch.MessageID(batch.ID(l.Batch), index),
		From:     p.from,
		To:       address.To,
		Body:     body,
		ValidFor: w.validFor(l, p),
		Begin: func() (func(), error) {
			end, err := w.d.begin(p, w.keys)
			w.begun = err == nil
			return end, err
		},
	})
}

// begin is the last check (P1): the hand-off is announced to the list before the rows are read, so that an opt-out either is seen here
// or waits for this hand-off to end before it answers.
func (d *Dispatcher) begin(p *plan, keys []suppression.Key) (end func(), err error) {
	end, err = d.o.List.Admit(keys, func(rows []suppression.Row) error {
		return judge(d.o.Policy, query(p, d.o.Now()), rows)
	})
	if _, kept := err.(*withheld); err != nil && !kept {
		return nil, fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	return end, err
}

func query(p *plan, now time.Time) policy.Query {
	return policy.Query{Channel: p.channel, Class: p.head.Class, Topic: p.head.Topic, Closing: p.head.Closing, Now: now}
}

// render makes the bytes to send; they are valid until the worker's next message. The same message always has the same Message-ID,
// date and links, so that a second hand-off can be told as one (P3).
func (w *worker) render(l *queue.Lease, p *plan, r batch.Recipient, index uint32) ([]byte, error) {
	clear(w.vars)
	if err := batchjson.AppendVars(w.vars, r.Vars); err != nil {
		return nil, fmt.Errorf("variables: %w", err)
	}
	links := w.d.o.Links(Target{
		Tenant: l.Tenant, Channel: p.channel, Class: p.head.Class, Topic: p.head.Topic,
		Batch: batch.ID(l.Batch), Index: index, Keys: w.keys, Day: uint32(p.head.Created.Unix() / 86400),
	})
	to := message.Recipient{
		To: string(r.To), Vars: w.vars, Date: p.head.Created,
		UnsubscribeURL: links.OneClick, PreferencesURL: links.Page, UnsubscribeTo: links.Mailbox,
	}
	var err error
	if p.channel == policy.SMS {
		w.buf, err = p.template.AppendSMS(w.buf[:0], to)
		return w.buf, err
	}
	to.MessageID = batch.MessageID(batch.ID(l.Batch), index) + "@" + p.domain
	if w.buf, err = p.template.AppendEmail(w.buf[:0], to); err != nil || p.signer == nil {
		return w.buf, err
	}
	w.signed, err = p.signer.AppendSigned(w.signed[:0], w.buf)
	return w.signed, err
}

// validFor bounds how long an SMS provider may keep the message: a STOP cannot recall what a provider has queued, so marketing texts
// live there for minutes only.
func (w *worker) validFor(l *queue.Lease, p *plan) time.Duration {
	longest := 10 * time.Hour
	if p.head.Class == policy.Marketing {
		longest = 10 * time.Minute
	}
	if l.Expires.IsZero() {
		return longest
	}
	return min(longest, max(l.Expires.Sub(w.d.o.Now()), 10*time.Second))
}
