package dispatch

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"heed/gateway/internal/queue"
	"heed/senders"
	"heed/suppression/policy"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func decider() *Dispatcher {
	return New(Options{
		Retry: Retry{Least: time.Minute, First: time.Hour, Max: time.Hour},
		Rand:  func() float64 { return 0 },
		Learn: func(_ policy.Channel, code string) policy.Reason {
			return map[string]policy.Reason{"5.1.1": policy.HardBounce, "21610": policy.SMSStop}[code]
		},
	})
}

func TestOutcome_EachAnswerHasItsMeaning(t *testing.T) { // P2, P3, P4, P5
	d := decider()
	begun, cut := true, false
	check := func(err error, want outcome) {
		t.Helper()
		got := d.outcomeOf(try{item: queue.Item{Index: 7}, expires: noon.Add(24 * time.Hour), now: noon, begun: begun, cut: cut,
			result: senders.Result{ProviderID: "q1"}, err: err})
		if (got.err != nil) != (got.pause > 0) {
			t.Errorf("%v: a lane that pauses for %v tells the operator %v", err, got.pause, got.err)
		}
		if got.err = nil; got != want {
			t.Errorf("%v:\n got %+v\nwant %+v", err, got, want)
		}
	}
	result := func(s queue.State, code string) queue.Result { return queue.Result{Index: 7, State: s, Code: code} }
	detailed := func(r queue.Result, detail string) queue.Result { r.Detail = detail; return r }
	retrying := func(code string, after time.Duration) queue.Result {
		r := result(queue.Retrying, code)
		r.RetryAt = noon.Add(after)
		return r
	}
	withheld := func(a policy.Action, r policy.Reason, rule string) error {
		return &withheld{policy.Verdict{Action: a, Reason: r, Rule: rule}}
	}
	sent := result(queue.Sent, "")
	sent.ProviderID = "q1"
	unclassed := "the sender's error names no class"

	check(nil, outcome{result: sent, answered: true})
	check(&senders.Error{Class: senders.Temporary, Code: "4.2.0"}, outcome{result: retrying("4.2.0", time.Minute), answered: true})
	check(&senders.Error{Class: senders.Permanent, Code: "5.7.1"}, outcome{result: result(queue.Failed, "5.7.1"), answered: true})
	check(&senders.Error{Class: senders.Permanent, Code: "5.1.1", OfRecipient: true}, outcome{result: result(queue.Failed, "5.1.1"), row: policy.HardBounce, answered: true})
	// A refusal of our own address says nothing about the recipient's, whatever its code.
	check(&senders.Error{Class: senders.Permanent, Code: "5.1.1"}, outcome{result: result(queue.Failed, "5.1.1"), answered: true})
	check(&senders.Error{Class: senders.Permanent, Code: "21610", OfRecipient: true}, outcome{result: result(queue.Suppressed, "21610"), row: policy.SMSStop, answered: true})
	check(&senders.Error{Class: senders.Throttled, Code: "4.7.0", RetryAfter: 3 * time.Minute}, outcome{result: retrying("4.7.0", 3*time.Minute), pause: 3 * time.Minute})
	// However long a wish, the lane asks again and the message ends.
	check(&senders.Error{Class: senders.Throttled, Code: "429", RetryAfter: 1 << 62}, outcome{result: retrying("429", 24*time.Hour), pause: longestWish})
	// RFC 1047: perhaps accepted, so a second try could be a second copy (P3).
	check(&senders.Error{Class: senders.Unknown}, outcome{result: result(queue.Failed, "outcome_unknown")})
	check(errors.New("ann@example.org"), outcome{result: detailed(result(queue.Failed, "outcome_unknown"), unclassed), pause: shortestPause})
	check(&senders.Error{}, outcome{result: detailed(result(queue.Failed, "outcome_unknown"), unclassed), pause: shortestPause})
	// A route that breaks off in mid-message: that message's try counts, so that it cannot hold up the lane for ever.
	check(&senders.Error{Class: senders.Unavailable, Code: "4.4.2"}, outcome{result: retrying("4.4.2", time.Minute), pause: shortestPause})
	check(&senders.Error{Class: senders.Unavailable, Code: "4.4.2", Err: context.Canceled}, outcome{result: retrying("4.4.2", time.Minute), pause: shortestPause})
	// We broke it off ourselves: it keeps its tries, and says nothing about the route.
	cut = true
	check(&senders.Error{Class: senders.Unavailable, Err: context.Canceled}, outcome{giveBack: true})
	// Nothing was said about the message: it keeps its tries.
	begun = false
	check(context.Canceled, outcome{giveBack: true})
	cut = false
	check(&senders.Error{Class: senders.Unavailable, Err: errors.New("refused")}, outcome{giveBack: true, pause: shortestPause})
	// Not begun and not explained: a try, lest it come back for ever.
	check(errors.New("ann@example.org"), outcome{result: detailed(retrying("unclassed", time.Minute), unclassed), pause: shortestPause})
	check(errStopping, outcome{giveBack: true})
	check(errExpired, outcome{result: result(queue.Expired, "expired")})
	// P5: the list cannot answer, so nothing is sent.
	check(fmt.Errorf("%w: disk", errNoAnswer), outcome{giveBack: true, pause: shortestPause})
	check(spoiled{errors.New("no such variable")}, outcome{result: detailed(result(queue.Failed, "content"), "no such variable")})
	check(withheld(policy.Block, policy.UnsubscribeAll, "unsubscribe_all/marketing"),
		outcome{result: detailed(result(queue.Suppressed, "unsubscribe_all"), "unsubscribe_all/marketing")})
	check(withheld(policy.Reroute, policy.SMSStop, "sms_stop/service"), outcome{result: detailed(result(queue.Suppressed, "undeliverable"), "sms_stop/service")})
	check(withheld(policy.Hold, policy.NumberReassigned, "number_reassigned/service"),
		outcome{result: detailed(result(queue.Suppressed, "held"), "number_reassigned/service")})
	check(withheld(policy.Defer, policy.QuietHours, "quiet_hours/marketing"), outcome{result: retrying("quiet_hours/marketing", time.Hour)})
	check(&deferred3h, outcome{result: retrying("quiet_hours/marketing", 3*time.Hour)})
}

var deferred3h = withheld{policy.Verdict{Action: policy.Defer, Rule: "quiet_hours/marketing", Until: noon.Add(3 * time.Hour)}}
