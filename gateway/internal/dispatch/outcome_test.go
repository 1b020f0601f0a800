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

func TestOutcome_EachAnswerHasItsMeaning(t *testing.T) {
	d := decider()
	l := &queue.Lease{Expires: noon.Add(24 * time.Hour)}
	begun := true
	check := func(err error, want outcome) {
		t.Helper()
		got := d.outcomeOf(Lane{}, l, queue.Item{Index: 7}, noon, begun, senders.Result{ProviderID: "q1"}, err)
		if got.err != nil {
			got.err, want.err = nil, nil
		}
		if got != want {
			t.Errorf("%v:\n got %+v\nwant %+v", err, got, want)
		}
	}
	result := func(s queue.State, code string) queue.Result { return queue.Result{Index: 7, State: s, Code: code} }
	sent := result(queue.Sent, "")
	sent.ProviderID = "q1"
	later := result(queue.Retrying, "4.2.0")
	later.RetryAt = noon.Add(time.Minute)
	slower := result(queue.Retrying, "4.7.0")
	slower.RetryAt = noon.Add(5 * time.Minute)
	deferred := result(queue.Retrying, "quiet_hours/marketing")
	deferred.RetryAt = noon.Add(3 * time.Hour)
	kept := result(queue.Suppressed, "unsubscribe_all")
	kept.Detail = "unsubscribe_all/marketing"

	check(nil, outcome{result: sent})
	check(&senders.Error{Class: senders.Temporary, Code: "4.2.0"}, outcome{result: later})
	check(&senders.Error{Class: senders.Permanent, Code: "5.7.1"}, outcome{result: result(queue.Failed, "5.7.1")})
	check(&senders.Error{Class: senders.Permanent, Code: "5.1.1"}, outcome{result: result(queue.Failed, "5.1.1"), row: policy.HardBounce})
	check(&senders.Error{Class: senders.Permanent, Code: "21610"}, outcome{result: result(queue.Suppressed, "21610"), row: policy.SMSStop})
	check(&senders.Error{Class: senders.Throttled, Code: "4.7.0", RetryAfter: 5 * time.Minute}, outcome{result: slower, pause: longestPause})
	// RFC 1047: perhaps accepted, so a second try could be a second copy (P3).
	check(&senders.Error{Class: senders.Unknown}, outcome{result: result(queue.Failed, "outcome_unknown")})
	// A route that breaks off in mid-message: that message's try counts, so that it cannot hold up the lane for ever.
	broken := result(queue.Retrying, "4.4.2")
	broken.RetryAt = noon.Add(time.Minute)
	check(&senders.Error{Class: senders.Unavailable, Code: "4.4.2"}, outcome{result: broken, pause: shortestPause})
	check(&senders.Error{Class: senders.Unavailable, Err: context.Canceled}, outcome{giveBack: true, pause: shortestPause})
	// Nothing was said about the message: it keeps its tries.
	begun = false
	check(&senders.Error{Class: senders.Unavailable, Err: errors.New("refused")}, outcome{giveBack: true, pause: shortestPause})
	check(context.Canceled, outcome{giveBack: true, pause: shortestPause})
	// P5: the list cannot answer, so nothing is sent.
	check(fmt.Errorf("%w: disk", errNoAnswer), outcome{giveBack: true, pause: shortestPause})
	check(spoiled{errors.New("no such variable")}, outcome{result: queue.Result{Index: 7, State: queue.Failed, Code: "content", Detail: "no such variable"}})
	check(&withheld{policy.Verdict{Action: policy.Block, Reason: policy.UnsubscribeAll, Rule: "unsubscribe_all/marketing"}}, outcome{result: kept})
	check(&withheld{policy.Verdict{Action: policy.Defer, Rule: "quiet_hours/marketing", Until: noon.Add(3 * time.Hour)}}, outcome{result: deferred})
}

func TestPause_GrowsWithFailuresAndEndsWithSuccess(t *testing.T) {
	now := noon
	p := &pause{now: func() time.Time { return now }}
	var last time.Duration
	for range 10 {
		p.back(0, 0.999999)
		left := p.left().Round(time.Millisecond)
		if left < last || left > longestPause {
			t.Fatalf("after %v comes %v", last, left)
		}
		last, now = left, now.Add(left)
	}
	if last != longestPause {
		t.Errorf("ten failures in a row pause for %v, want %v", last, longestPause)
	}
	p.clear()
	if p.back(0, 0.999999); p.left().Round(time.Millisecond) != shortestPause {
		t.Errorf("after a success a failure pauses for %v, want %v", p.left(), shortestPause)
	}
}

func TestPause_WorkersThatFailTogetherCountOnce(t *testing.T) {
	p := &pause{now: func() time.Time { return noon }}
	for range 32 {
		p.back(0, 0)
	}
	if p.try != 1 {
		t.Errorf("32 workers made %d failures", p.try)
	}
}

func TestPause_KeepsTheWishOfThePeer(t *testing.T) {
	p := &pause{now: func() time.Time { return noon }}
	if p.back(20*time.Second, 0); p.left() != 20*time.Second {
		t.Errorf("pause %v, want the peer's 20s", p.left())
	}
}
