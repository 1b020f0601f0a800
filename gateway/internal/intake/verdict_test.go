package intake

import (
	"testing"
	"time"

	"heed/gateway/internal/queue"
	"heed/suppression/policy"
)

// One result per recipient, each verdict explained.
func TestSettle_EachVerdictHasItsResult(t *testing.T) {
	expires := noon.Add(time.Hour)
	check := func(v policy.Verdict, want status, code string, settled bool) decision {
		t.Helper()
		d, ok := settle(decision{channel: policy.Email}, v, noon, expires)
		got := ""
		if d.why != nil {
			got = d.why.code
		}
		if d.status != want || got != code || ok != settled {
			t.Errorf("%v: %s %q %v; want %s %q %v", v, d.status, got, ok, want, code, settled)
		}
		return d
	}
	check(policy.Verdict{Action: policy.Allow, Row: -1}, accepted, "", true)
	check(policy.Verdict{Action: policy.Block, Reason: policy.UnsubscribeAll}, suppressed, "unsubscribe_all", true)
	check(policy.Verdict{Action: policy.Block, Reason: 99}, suppressed, "policy", true)
	check(policy.Verdict{}, suppressed, "policy", true) // no verdict is no permission (P5)
	if d := check(policy.Verdict{Action: policy.Hold, Reason: policy.NumberReassigned}, suppressed, "held", true); d.reason != reasons[policy.NumberReassigned] {
		t.Error("a held message does not say why")
	}
	if d := check(policy.Verdict{Action: policy.Defer, Reason: policy.QuietHours, Until: noon.Add(time.Minute)}, deferred, "quiet_hours", true); !d.until.Equal(noon.Add(time.Minute)) {
		t.Errorf("until %v", d.until)
	}
	expires = noon.Add(2 * time.Hour)
	if d := check(policy.Verdict{Action: policy.Defer, Reason: policy.FrequencyCap}, deferred, "frequency_cap", true); !d.until.Equal(noon.Add(time.Hour)) {
		t.Errorf("until %v", d.until) // a deferral without an end is not over at once
	}
	check(policy.Verdict{Action: policy.Defer, Reason: policy.QuietHours, Until: expires}, suppressed, "expires_first", true)
	if d := check(policy.Verdict{Action: policy.Reroute, Reason: policy.SMSStop}, accepted, "", false); d.reason != reasons[policy.SMSStop] {
		t.Error("a reroute does not say why")
	}
}

func TestReasons_EachRowOfThePolicyHasItsWords(t *testing.T) {
	for r := policy.UnsubscribeTopic; r <= policy.FrequencyCap; r++ {
		w := reasonOf(policy.Verdict{Reason: r})
		if w == unexplained || w.code != r.String() || w.detail == "" || string(w.packed) != w.code {
			t.Errorf("%v: %+v", r, w)
		}
	}
}

func TestStatus_WhatTravelsIsQueued(t *testing.T) {
	want := map[status]queue.State{
		accepted: queue.Queued, deferred: queue.Queued, rerouted: queue.Queued,
		suppressed: queue.Suppressed, invalid: queue.Invalid, duplicate: queue.Duplicate,
	}
	for s := range statuses {
		if s.state() != want[s] || s.live() != (want[s] == queue.Queued) {
			t.Errorf("%v: %v, live %v", s, s.state(), s.live())
		}
	}
}
