package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/queue"
	"heed/senders"
	"heed/suppression"
	"heed/suppression/policy"
)

// What Begin answers when a message must not go, apart from withheld.
var (
	errNoAnswer = errors.New("the suppression list cannot answer") // nothing may be sent (P5)
	errStopping = errors.New("the gateway is stopping")
	errExpired  = errors.New("the message has expired")
)

// handOff renders a message and gives it to the sender, which calls back for the last check with its connection in hand.
func (w *worker) handOff(ctx context.Context, l *queue.Lease, item queue.Item) (senders.Result, error) {
	w.begun = false
	r := w.segment.At(item.Index)
	address, err := w.d.o.Find(l.Tenant, w.lane.Channel, r.To)
	if err != nil {
		return senders.Result{}, spoiled{err}
	}
	w.keys, w.expires = address.Keys, l.Expires
	id := identity{tenant: l.Tenant, batch: batch.ID(l.Batch), index: l.First + uint32(item.Index), to: address.To}
	if err := w.render(id, r.Vars); err != nil {
		return senders.Result{}, spoiled{err}
	}
	return w.lane.Sender.Send(ctx, &w.message)
}

// begin is the last check (P1): the hand-off is announced to the list before the rows are read, so that an opt-out either is seen here
// or waits for this hand-off before it answers. A message that waited long for its connection may have expired by now, and
// one that had not begun when the gateway began to stop, or when its results could no longer be kept, does not begin (P3).
func (w *worker) begin() (senders.Handoff, error) {
	w.begun = false
	switch {
	case w.leasing.Err() != nil:
		return nil, errStopping
	case expired(w.expires, w.d.o.Now()):
		return nil, errExpired
	}
	h, err := w.d.o.List.Admit(w.keys, w.judge)
	if _, kept := err.(*withheld); kept {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	w.begun = true
	return h, nil
}

// verdict asks the policy about the rows found right before the hand-off.
func (w *worker) verdict(rows []suppression.Row) error {
	q := w.plan.query
	q.Now = w.d.o.Now()
	return judge(w.d.o.Policy, q, rows)
}

// validFor bounds how long an SMS provider may keep the message: a STOP cannot recall what a provider has queued, so marketing texts
// live there for minutes only.
func validFor(c policy.Class, expires, now time.Time) time.Duration {
	longest := 10 * time.Hour
	if c == policy.Marketing {
		longest = 10 * time.Minute
	}
	if expires.IsZero() {
		return longest
	}
	return min(longest, max(expires.Sub(now), 10*time.Second))
}
