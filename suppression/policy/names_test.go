package policy

import (
	"strings"
	"testing"
)

func TestNames_AreReadBack(t *testing.T) {
	for _, r := range Reasons() {
		if got, ok := ParseReason(r.String()); !ok || got != r {
			t.Errorf("%v is read as %v", r, got)
		}
		if !strings.Contains(source, "`"+r.String()+"`") {
			t.Errorf("%v is not a row of the policy", r)
		}
	}
	for _, c := range classes {
		if got, ok := ParseClass(c.String()); !ok || got != c {
			t.Errorf("%v is read as %v", c, got)
		}
	}
	for _, c := range channels {
		if got, ok := ParseChannel(c.String()); !ok || got != c {
			t.Errorf("%v is read as %v", c, got)
		}
	}
	for _, a := range actions {
		if got, ok := ParseAction(a.String()); !ok || got != a {
			t.Errorf("%v is read as %v", a, got)
		}
	}
}

func TestNames_UnknownIsNothing(t *testing.T) {
	for _, s := range []string{"", "unknown", "Marketing", "email "} {
		_, a := ParseChannel(s)
		_, b := ParseClass(s)
		_, c := ParseReason(s)
		_, d := ParseAction(s)
		if a || b || c || d {
			t.Errorf("%q is accepted", s)
		}
	}
	for _, s := range []string{Channel(9).String(), Class(0).String(), Reason(99).String(), Action(0).String()} {
		if s != "unknown" {
			t.Errorf("an unknown value prints as %q", s)
		}
	}
}

// The numbers are stored on disk: this test may grow, never change.
func TestReasons_KeepTheirNumbers(t *testing.T) {
	for i, want := range []string{"unsubscribe_topic", "unsubscribe_all", "sms_stop", "complaint", "hard_bounce", "invalid_number",
		"manual_block", "account_deactivated", "erasure", "sharing_optout", "legal_hold", "no_consent", "consent_expired",
		"number_reassigned", "role_or_trap", "underage", "dnc_registry", "gdpr_restriction", "quiet_hours", "frequency_cap"} {
		if got := Reason(i + 1).String(); got != want {
			t.Errorf("reason %d is %s, want %s", i+1, got, want)
		}
	}
	if len(Reasons()) != 20 {
		t.Errorf("%d reasons", len(Reasons()))
	}
}

func TestReasons_WhatThePersonMayLiftAndWhatSpeaksForTheFamily(t *testing.T) {
	check := func(what string, of func(Reason) bool, want ...Reason) {
		t.Helper()
		got := map[Reason]bool{}
		for _, r := range append(Reasons(), 0, 99) {
			if of(r) {
				got[r] = true
			}
		}
		for _, r := range want {
			if !got[r] {
				t.Errorf("%s: %v is missing", what, r)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	check("family", Families, UnsubscribeAll, Complaint, Erasure, ManualBlock, LegalHold)
	check("topical", Reason.Topical, UnsubscribeTopic)
	check("lifted by an opt-in", Reason.LiftableByPerson,
		UnsubscribeTopic, UnsubscribeAll, SMSStop, Erasure, SharingOptOut, NoConsent, ConsentExpired)
	check("not stored", func(r Reason) bool { return r.Valid() && !r.Stored() }, QuietHours, FrequencyCap)
}
