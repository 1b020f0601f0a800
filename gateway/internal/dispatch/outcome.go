package dispatch

import (
	"context"
	"errors"
	"time"

	"heed/gateway/internal/queue"
	"heed/senders"
	"heed/suppression/policy"
)

// errNoAnswer says that the list could not be asked: nothing may be sent (P5).
var errNoAnswer = errors.New("the suppression list cannot answer")

// outcome is what became of one try: a result to record, or the wish to give the message back untried.
type outcome struct {
	result   queue.Result
	giveBack bool
	pause    time.Duration // the lane rests at least this long; 0: the route works
	row      policy.Reason // what the answer teaches about the address; 0: nothing
	err      error         // for the operator; nil when only the message is concerned
}

func final(item queue.Item, s queue.State, code, detail string) outcome {
	return outcome{result: queue.Result{Index: item.Index, State: s, Code: code, Detail: detail}}
}

// outcomeOf decides what a try's answer means. begun tells whether the message's transaction had begun.
func (d *Dispatcher) outcomeOf(lane Lane, l *queue.Lease, item queue.Item, now time.Time, begun bool, res senders.Result, err error) outcome {
	if err == nil {
		out := final(item, queue.Sent, "", res.Detail)
		out.result.ProviderID = res.ProviderID
		return out
	}
	var kept *withheld
	var bad spoiled
	var refused *senders.Error
	switch {
	case errors.As(err, &kept):
		return keptBack(item, kept, now)
	case errors.Is(err, errNoAnswer):
		return outcome{giveBack: true, pause: shortestPause, err: err}
	case errors.As(err, &bad):
		return final(item, queue.Failed, "content", bad.Error())
	case errors.As(err, &refused):
		return d.refusal(lane, item, l, refused, begun, now)
	}
	return outcome{giveBack: true, pause: shortestPause, err: err}
}

// keptBack is the outcome of a message that the policy kept back right before its hand-off.
func keptBack(item queue.Item, w *withheld, now time.Time) outcome {
	if w.verdict.Action == policy.Defer {
		out := final(item, queue.Retrying, w.verdict.Rule, "")
		out.result.RetryAt = w.until(now)
		return out
	}
	return final(item, queue.Suppressed, w.verdict.Reason.String(), w.verdict.Rule)
}

// refusal is the outcome of a message that the provider did not take.
func (d *Dispatcher) refusal(lane Lane, item queue.Item, l *queue.Lease, e *senders.Error, begun bool, now time.Time) outcome {
	switch e.Class {
	case senders.Permanent:
		return d.refused(lane, item, e)
	case senders.Unknown: // perhaps accepted: a second try could be a duplicate (RFC 1047), so there is none
		return final(item, queue.Failed, "outcome_unknown", e.Detail)
	case senders.Unavailable:
		if !begun || errors.Is(e, context.Canceled) { // nothing was said about the message: it keeps its tries
			return outcome{giveBack: true, pause: shortestPause, err: e}
		}
	}
	out := d.retry(item, l, e, now)
	if e.Class != senders.Temporary { // a route that breaks off in mid-message counts as a try, lest one message hold up its lane for ever
		out.pause, out.err = max(min(e.RetryAfter, longestPause), shortestPause), e
	}
	return out
}

// refused is the outcome of a refusal for good, and what it teaches about the address.
func (d *Dispatcher) refused(lane Lane, item queue.Item, e *senders.Error) outcome {
	out := final(item, queue.Failed, e.Code, e.Detail)
	out.row = d.o.Learn(lane.Channel, e.Code)
	if out.row == policy.SMSStop { // the provider knew of an opt-out that we did not
		out.result.State = queue.Suppressed
	}
	return out
}

func (d *Dispatcher) retry(item queue.Item, l *queue.Lease, e *senders.Error, now time.Time) outcome {
	at, ok := d.o.Retry.next(item.Attempt+1, e.RetryAfter, now, l.Expires, d.o.Rand())
	if !ok {
		return final(item, queue.Failed, e.Code, e.Detail)
	}
	out := final(item, queue.Retrying, e.Code, e.Detail)
	out.result.RetryAt = at
	return out
}
