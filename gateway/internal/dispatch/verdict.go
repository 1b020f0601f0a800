package dispatch

import (
	"fmt"
	"time"

	"heed/suppression"
	"heed/suppression/policy"
)

// withheld says that the policy keeps a message back at the last moment.
type withheld struct{ verdict policy.Verdict }

func (w *withheld) Error() string { return fmt.Sprintf("withheld: %s", w.verdict.Rule) }

// judge asks the policy about the rows found right before the hand-off; nil lets the message go.
func judge(t *policy.Table, q policy.Query, rows []suppression.Row) error {
	if v := t.Decide(q, suppression.Facts(nil, rows)); v.Action != policy.Allow {
		return &withheld{v}
	}
	return nil
}

// until is when a deferred message may be asked about again.
func until(v policy.Verdict, now time.Time) time.Time {
	if v.Until.After(now) {
		return v.Until
	}
	return now.Add(time.Hour)
}
