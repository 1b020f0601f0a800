package dispatch

import (
	"errors"
	"time"

	"heed/gateway/internal/queue"
	"heed/senders"
	"heed/suppression/policy"
)

// try is one attempt at a message, and what came of it.
type try struct {
	item    queue.Item
	channel policy.Channel
	expires time.Time // of the message; zero: never
	now     time.Time
	begun   bool // its transaction had begun, so that the peer may know of it
	cut     bool // we broke it off: the gateway is stopping
	result  senders.Result
	err     error
}

// outcome is what becomes of a message after a try: a result to record, or the wish to give the message back untried.
type outcome struct {
	result   queue.Result
	giveBack bool
	pause    time.Duration // the lane rests at least this long; 0: no reason to
	answered bool          // the route works: it spoke about the message
	row      policy.Reason // what the answer teaches about the address; 0: nothing
	err      error         // for the operator; nil when only the message is concerned
	took     time.Duration
}

func (t *try) final(s queue.State, code, detail string) outcome {
	return outcome{result: queue.Result{Index: t.item.Index, State: s, Code: code, Detail: detail}}
}

// errUnclassed stands for an error that a sender may not return: its own text may hold anything (P6).
var errUnclassed = errors.New("the sender's error names no class")

// outcomeOf decides what a try's answer means.
func (d *Dispatcher) outcomeOf(t try) outcome {
	if t.err == nil { // apart, since what errors.As fills in is allocated
		return t.sent()
	}
	return d.failure(t)
}

func (d *Dispatcher) failure(t try) outcome {
	var kept *withheld
	var bad spoiled
	var refused *senders.Error
	switch {
	case errors.Is(t.err, errStopping):
		return outcome{giveBack: true}
	case errors.Is(t.err, errExpired):
		return t.final(queue.Expired, "expired", "")
	case errors.Is(t.err, errNoAnswer):
		return outcome{giveBack: true, pause: shortestPause, err: t.err}
	case errors.As(t.err, &kept):
		return t.keptBack(kept.verdict)
	case errors.As(t.err, &bad):
		return t.final(queue.Failed, "content", bad.Error())
	case errors.As(t.err, &refused):
		return d.refusal(t, refused)
	}
	return d.unclassed(t)
}

func (t *try) sent() outcome {
	out := t.final(queue.Sent, "", t.result.Detail)
	out.result.ProviderID, out.answered = t.result.ProviderID, true
	return out
}

// keptBack is the outcome of a message that the policy kept back right before its hand-off.
func (t *try) keptBack(v policy.Verdict) outcome {
	switch v.Action {
	case policy.Defer:
		out := t.final(queue.Retrying, v.Rule, "")
		out.result.RetryAt = until(v, t.now)
		return out
	case policy.Reroute: // P4: another channel might have carried it, and the time to choose that one is acceptance
		return t.final(queue.Suppressed, "undeliverable", v.Rule)
	case policy.Hold:
		return t.final(queue.Suppressed, "held", v.Rule)
	}
	return t.final(queue.Suppressed, v.Reason.String(), v.Rule)
}

// refusal is the outcome of a message that the provider did not take.
func (d *Dispatcher) refusal(t try, e *senders.Error) outcome {
	switch e.Class {
	case senders.Permanent:
		return d.refused(t, e)
	case senders.Temporary:
		out := d.retry(t, e)
		out.answered = true
		return out
	case senders.Unknown: // perhaps accepted: a second try could be a duplicate (RFC 1047), so there is none
		return t.final(queue.Failed, "outcome_unknown", e.Detail)
	case senders.Throttled:
		out := d.retry(t, e)
		out.pause, out.err = max(min(e.RetryAfter, longestWish), shortestPause), e
		return out
	case senders.Unavailable:
		return d.unavailable(t, e)
	}
	return d.unclassed(t)
}

// unavailable is the outcome when the route is down. Before the transaction nothing was said about the message, so it keeps its tries. A
// route that breaks off in mid-message counts as a try, lest one message hold up its lane for ever.
func (d *Dispatcher) unavailable(t try, e *senders.Error) outcome {
	switch {
	case t.cut:
		return outcome{giveBack: true}
	case !t.begun:
		return outcome{giveBack: true, pause: shortestPause, err: e}
	}
	out := d.retry(t, e)
	out.pause, out.err = shortestPause, e
	return out
}

// unclassed is the outcome of an error that says nothing: once begun, the message may have been accepted.
func (d *Dispatcher) unclassed(t try) outcome {
	var out outcome
	switch {
	case t.begun:
		out = t.final(queue.Failed, "outcome_unknown", errUnclassed.Error())
	case t.cut:
		return outcome{giveBack: true}
	default:
		out = d.retry(t, &senders.Error{Code: "unclassed", Detail: errUnclassed.Error()})
	}
	out.pause, out.err = shortestPause, errUnclassed
	return out
}

// refused is the outcome of a refusal for good, and what it teaches about the address.
func (d *Dispatcher) refused(t try, e *senders.Error) outcome {
	out := t.final(queue.Failed, e.Code, e.Detail)
	out.answered = true
	if e.OfRecipient {
		out.row = d.o.Learn(t.channel, e.Code)
	}
	if out.row == policy.SMSStop { // the provider knew of an opt-out that we did not
		out.result.State = queue.Suppressed
	}
	return out
}

// longestAfter bounds what a peer may ask for: a message must not wait for ever.
const longestAfter = 24 * time.Hour

func (d *Dispatcher) retry(t try, e *senders.Error) outcome {
	at, ok := d.o.Retry.next(t.item.Attempt+1, min(e.RetryAfter, longestAfter), t.now, t.expires, d.o.Rand())
	if !ok {
		return t.final(queue.Failed, e.Code, e.Detail)
	}
	out := t.final(queue.Retrying, e.Code, e.Detail)
	out.result.RetryAt = at
	return out
}
