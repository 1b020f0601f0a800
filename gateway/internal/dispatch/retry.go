package dispatch

import (
	"math"
	"time"
)

// Retry is the plan for messages that a peer refused for now.
type Retry struct {
	Least time.Duration // shortest wait before any try
	First time.Duration // longest wait before the second try
	Max   time.Duration // longest wait before any try
	Tries int           // most tries in all; 0: until the message expires
}

// next decides when a message whose attempt-th try (from 1) failed for now is tried again; ok is false when it has had its chances.
// The longest wait doubles from try to try; full jitter spreads the tries of a burst over all of it (rand in [0, 1)), above Least, which is
// the distance that greylisting wants to see. A peer's own wish (after) is a lower bound. expires may be zero: never.
func (r Retry) next(attempt int, after time.Duration, now, expires time.Time, rand float64) (at time.Time, ok bool) {
	if r.Tries > 0 && attempt >= r.Tries {
		return time.Time{}, false
	}
	bound := float64(r.First) * math.Pow(2, float64(attempt-1))
	bound = min(bound, float64(r.Max))
	spread := max(bound-float64(r.Least), 0)
	wait := max(r.Least+time.Duration(rand*spread), after)
	at = now.Add(wait)
	if !expires.IsZero() && at.After(expires) {
		return time.Time{}, false
	}
	return at, true
}
