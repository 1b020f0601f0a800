package dispatch

import (
	"testing"
	"time"

	"heed/gateway/internal/queue"
)

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
	p.back(0, 0)
	if p.back(20*time.Second, 0); p.left() != 20*time.Second {
		t.Errorf("pause %v, want the peer's 20s, though another worker's failure came first", p.left())
	}
	if p.back(time.Second, 0); p.left() != 20*time.Second {
		t.Errorf("pause %v: a shorter wish cut the longer one", p.left())
	}
}

// What never reached the route says nothing about it, so it does not end a row of failures.
func TestPause_OnlyAnAnswerOfTheRouteEndsARow(t *testing.T) {
	now := noon
	o := Options{Now: func() time.Time { return now }, Rand: func() float64 { return 0 }}
	p := &pause{now: o.Now}
	w := newWorker(New(o), Lane{}, p)
	for range 3 {
		w.settle(outcome{pause: shortestPause})
		now = now.Add(time.Minute)
		w.settle(outcome{result: queue.Result{State: queue.Suppressed}})
	}
	if p.try != 3 {
		t.Errorf("%d failures in a row, want 3", p.try)
	}
	if w.settle(outcome{answered: true}); p.try != 0 {
		t.Errorf("%d failures after an answer", p.try)
	}
}
