package policy

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestWith_NoConfigurationLoosensALockedCell(t *testing.T) { // docs/policy.md, The matrix
	for l, s := range matrix {
		for class, c := range s.cells {
			for _, a := range actions {
				table, err := Default().With(map[string]string{ids[l][class]: a.String()})
				if want := permitted(c.String(), a, line(l)); (err == nil) != want {
					t.Errorf("%s is %s; to %v: error %v", ids[l][class], c, a, err)
				}
				if err == nil && table.actions[l][class] != a {
					t.Errorf("%s: %v was accepted and not done", ids[l][class], a)
				}
			}
		}
	}
}

// permitted is the legend of docs/policy.md in other words: every cell but A-L may be tightened, only -O cells loosened.
func permitted(cell string, to Action, l line) bool {
	from := actionOf[cell]
	switch {
	case to == from:
		return true
	case to == Defer && l != quietHours && l != frequencyCap:
		return false
	case to > from:
		return cell != "A-L"
	}
	return strings.HasSuffix(cell, "-O")
}

func TestWith_NoRowOfChangesSilencesARequiredNotice(t *testing.T) { // docs/policy.md, The matrix
	rapid.Check(t, func(t *rapid.T) {
		table := drawTable(t)
		for l, s := range matrix {
			for class, c := range s.cells {
				got, built := table.actions[l][class], c.action()
				if c == aL && got != Allow || !strings.HasSuffix(c.String(), "-O") && got < built {
					t.Fatalf("%s (%s) became %v", ids[l][class], c, got)
				}
			}
		}
	})
}

func TestWith_NamesEveryOffendingCell(t *testing.T) { // docs/policy.md, Changing a cell
	table, err := Default().With(map[string]string{
		"unsubscribe_all/marketing":     "allow",  // B-L
		"unsubscribe_topic/mandatory":   "block",  // A-L
		"sms_stop/mandatory":            "allow",  // R-L
		"number_reassigned/service":     "allow",  // hold
		"legal_hold/service":            "defer",  // no end
		"sms_stop/service":              "allow",  // permitted
		"sms_stop/everyone":             "allow",  // no such cell
		"manual_block/service":          "forget", // no such action
		"unsubscribe_topic.other/other": "block",  // no such cell
	})
	if err == nil || table != nil {
		t.Fatal("accepted")
	}
	for _, id := range []string{"unsubscribe_all/marketing", "unsubscribe_topic/mandatory", "sms_stop/mandatory", "number_reassigned/service",
		"legal_hold/service", "sms_stop/everyone", "manual_block/service", "unsubscribe_topic.other/other"} {
		if !strings.Contains(err.Error(), id) {
			t.Errorf("%s is not named in:\n%v", id, err)
		}
	}
	if n := strings.Count(err.Error(), "\n"); n != 7 {
		t.Errorf("%d lines, want one for each of 8 faults:\n%v", n+1, err)
	}
}

func TestWith_LeavesItsTableAlone(t *testing.T) {
	a := Default()
	b, err := a.With(map[string]string{"unsubscribe_topic.other/marketing": "block", "sms_stop.email/marketing": "block", "quiet_hours/service": "defer"})
	if err != nil {
		t.Fatal(err)
	}
	q := Query{Channel: Email, Class: Marketing, Topic: "offers", Now: now}
	rows := []Row{{Reason: UnsubscribeTopic, Topic: "news"}}
	if a.Decide(q, rows).Action != Allow || b.Decide(q, rows).Action != Block {
		t.Error("widening a topic to all topics went astray") // the operator may widen
	}
	if v := b.Decide(q, []Row{{Reason: SMSStop}}); v.Action != Block || v.Rule != "sms_stop.email/marketing" {
		t.Errorf("STOP extended to email marketing gives %+v", v)
	}
	back, err := b.With(differences(a))
	if err != nil || back.Version() != b.Version() {
		t.Errorf("no change is a change: %v", err)
	}
}

// A new version means that recorded verdicts no longer replay as they were: change it knowingly.
func TestVersion_OfTheBuiltInMatrix(t *testing.T) {
	const want = "1-3f1e9a283e8e"
	if got := Default().Version(); got != want {
		t.Errorf("the built-in matrix has version %s, want %s", got, want)
	}
}
