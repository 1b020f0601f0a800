package dispatch

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var plan4h = Retry{Least: time.Minute, First: 30 * time.Minute, Max: 4 * time.Hour}

func TestRetry_LongestWaitDoublesUpToMax(t *testing.T) {
	now := time.Unix(0, 0)
	check := func(attempt int, want time.Duration) {
		t.Helper()
		at, ok := plan4h.next(attempt, 0, now, time.Time{}, 0.999999999)
		if got := at.Sub(now).Round(time.Second); !ok || got != want {
			t.Errorf("after try %d: %v, want %v", attempt, got, want)
		}
	}
	check(1, 30*time.Minute)
	check(2, time.Hour)
	check(3, 2*time.Hour)
	check(4, 4*time.Hour)
	check(5, 4*time.Hour)
	check(5000, 4*time.Hour)
}

// A wait is never shorter than Least or the peer's wish, never longer than the larger of Max and that wish, and never ends after the message expires.
func TestRetry_WaitsStayInBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(rapid.Int64Range(0, 1<<32).Draw(t, "now"), 0)
		after := time.Duration(rapid.Int64Range(0, int64(10*time.Hour)).Draw(t, "after"))
		life := time.Duration(rapid.Int64Range(0, int64(12*time.Hour)).Draw(t, "life"))
		at, ok := plan4h.next(rapid.IntRange(1, 100).Draw(t, "attempt"), after, now, now.Add(life), rapid.Float64Range(0, 0.9999).Draw(t, "rand"))
		if !ok {
			return
		}
		if wait := at.Sub(now); wait < max(plan4h.Least, after) || wait > max(plan4h.Max, after) || wait > life {
			t.Fatalf("wait %v with after %v and life %v", wait, after, life)
		}
	})
}

func TestRetry_GivesUpWhenTheNextTryWouldComeTooLate(t *testing.T) {
	now := time.Unix(1e9, 0)
	if _, ok := plan4h.next(1, 2*time.Hour, now, now.Add(time.Hour), 0); ok {
		t.Error("a try after the message expires")
	}
	limited := plan4h
	limited.Tries = 3
	if _, ok := limited.next(2, 0, now, time.Time{}, 0); !ok {
		t.Error("gave up after the second of three tries")
	}
	if _, ok := limited.next(3, 0, now, time.Time{}, 0); ok {
		t.Error("a fourth try of three")
	}
}
