package dispatch

import (
	"context"
	"slices"
	"testing"
	"time"

	"heed/gateway/internal/queue"
	"heed/senders"
	"heed/suppression/policy"
)

// gaps are the waits between hand-offs, in order.
func gaps(list []handed) (waits []time.Duration) {
	for i := 1; i < len(list); i++ {
		waits = append(waits, list[i].at.Sub(list[i-1].at).Round(100*time.Millisecond))
	}
	return waits
}

func TestPacing_RetriesFollowThePlan(t *testing.T) {
	check := func(rand float64, want ...time.Duration) {
		t.Helper()
		inBubble(t, func(w *world) {
			w.o.Retry = Retry{Least: time.Minute, First: 30 * time.Minute, Max: 2 * time.Hour, Tries: 5}
			w.o.Rand = func() float64 { return rand }
			w.sender.answer = func(context.Context, *senders.Message, int) error {
				return &senders.Error{Class: senders.Temporary, Code: "4.2.0", Detail: "450 mailbox busy"}
			}
			w.accept(campaign(1))
			w.run()
			if c := w.settled(queue.ID{1}); c[queue.Failed] != 1 {
				t.Errorf("%v", c)
			}
			if got := gaps(w.sender.handOffs()); !slices.Equal(got, want) {
				t.Errorf("waits %v, want %v", got, want)
			}
			if e := w.last(queue.ID{1}, 0); e.Attempt != 5 || e.Code != "4.2.0" || e.Detail != "450 mailbox busy" {
				t.Errorf("recorded %+v", e)
			}
		})
	}
	check(0, time.Minute, time.Minute, time.Minute, time.Minute)
	check(0.9999999, 30*time.Minute, time.Hour, 2*time.Hour, 2*time.Hour)
}

// A provider that wants a rest gets it, from all workers of the lane; a failure of another worker does not shorten it.
func TestPacing_ThrottledRestsTheLane(t *testing.T) {
	inBubble(t, func(w *world) {
		start := time.Now()
		w.sender.answer = func(_ context.Context, m *senders.Message, nth int) error {
			switch {
			case nth > 1:
			case m.To == mailbox(0):
				time.Sleep(10 * time.Millisecond)
				return &senders.Error{Class: senders.Unavailable}
			case m.To == mailbox(1):
				time.Sleep(50 * time.Millisecond)
				return &senders.Error{Class: senders.Throttled, RetryAfter: 90 * time.Second}
			}
			time.Sleep(100 * time.Millisecond)
			return nil
		}
		w.o.Lanes[0].Chunk = 1
		w.accept(campaign(40))
		w.run()
		if c := w.settled(queue.ID{1}); c[queue.Sent] != 40 {
			t.Errorf("%v", c)
		}
		early := 0
		for _, h := range w.sender.handOffs() {
			switch at := h.at.Sub(start); {
			case at < time.Second:
				early++
			case at < 90*time.Second:
				t.Errorf("a hand-off after %v of 90 s of rest", at)
			}
		}
		if early != 4 {
			t.Errorf("%d hand-offs before the rest", early)
		}
	})
}

// A route that is down costs no message a try, is asked ever more seldom, and is used again soon after it is back.
func TestPacing_ARouteThatIsDownUsesUpNoTries(t *testing.T) {
	inBubble(t, func(w *world) {
		w.o.Retry.Tries = 1
		up, asked := time.Now().Add(time.Hour), 0
		w.o.Lanes[0].Workers = 1
		w.sender.before = func(context.Context, *senders.Message) error {
			asked++
			if time.Now().Before(up) {
				return &senders.Error{Class: senders.Unavailable, Code: "4.4.1"}
			}
			return nil
		}
		w.accept(campaign(50))
		w.run()
		if c := w.settled(queue.ID{1}); c[queue.Sent] != 50 {
			t.Errorf("%v", c)
		}
		if asked < 120+50 || asked > 260+50 {
			t.Errorf("the route was asked %d times in an hour", asked-50)
		}
		if first := w.sender.handOffs()[0].at; first.Sub(up) > longestPause {
			t.Errorf("used again %v after it was back", first.Sub(up))
		}
	})
}

// One message on which the route breaks off each time does not hold up the others.
func TestPacing_AMessageThatBreaksTheRouteLetsOthersPass(t *testing.T) {
	inBubble(t, func(w *world) {
		w.o.Lanes[0].Workers = 1
		w.sender.answer = func(_ context.Context, m *senders.Message, _ int) error {
			if m.To == mailbox(0) {
				return &senders.Error{Class: senders.Unavailable, Code: "4.4.2", Err: context.Canceled}
			}
			return nil
		}
		w.accept(campaign(50))
		w.run()
		time.Sleep(30 * time.Second)
		if c := w.counts(queue.ID{1}); c[queue.Sent] != 49 {
			t.Errorf("after half a minute: %v", c)
		}
		if c := w.settled(queue.ID{1}); c[queue.Failed] != 1 {
			t.Errorf("%v", c)
		}
	})
}

// Behind a slow hand-off nothing waits that another worker could take.
func TestPacing_SlowHandOffsSpreadOverTheWorkers(t *testing.T) {
	inBubble(t, func(w *world) {
		w.o.Lanes[0].Chunk = 32
		w.sender.answer = func(context.Context, *senders.Message, int) error {
			time.Sleep(10 * time.Second)
			return nil
		}
		w.accept(campaign(40))
		start := time.Now()
		w.run()
		w.settled(queue.ID{1})
		list := w.sender.handOffs()
		if last := list[len(list)-1].at.Sub(start); last != 90*time.Second {
			t.Errorf("four workers began the last of 40 messages of 10 s after %v", last)
		}
	})
}

// A worker that holds a chunk when hand-offs become slow, or when the lane comes to rest, gives the rest of it back.
func TestPacing_AChunkInHandIsGivenBack(t *testing.T) {
	inBubble(t, func(w *world) {
		w.o.Lanes[0].Workers, w.o.Lanes[0].Chunk = 2, 32
		start := time.Now()
		w.sender.answer = func(_ context.Context, m *senders.Message, nth int) error {
			switch n := len(w.sender.handOffs()); {
			case m.To == mailbox(0) && nth == 1: // one worker is slow, so the other takes large chunks
				time.Sleep(50 * time.Second)
			case n > 20:
				time.Sleep(10 * time.Second)
			}
			return nil
		}
		w.accept(campaign(40))
		w.run()
		if c := w.settled(queue.ID{1}); c[queue.Sent] != 40 {
			t.Errorf("%v", c)
		}
		// The first 20 are quick; by second 50 one worker has done 5 of the slow 20, and from then on they are two.
		if list := w.sender.handOffs(); list[39].at.Sub(start) > 120*time.Second {
			t.Errorf("the last began after %v", list[39].at.Sub(start))
		}
	})
	inBubble(t, func(w *world) {
		w.o.Lanes[0].Workers, w.o.Lanes[0].Chunk = 1, 32
		start := time.Now()
		w.sender.answer = func(_ context.Context, m *senders.Message, nth int) error {
			if m.To == mailbox(20) && nth == 1 {
				return &senders.Error{Class: senders.Throttled, RetryAfter: 2 * time.Minute}
			}
			return nil
		}
		w.accept(campaign(40))
		w.run()
		w.settled(queue.ID{1})
		if at := w.sender.handOffs()[21].at.Sub(start); at < 2*time.Minute {
			t.Errorf("a hand-off from the chunk in hand after %v of a rest of two minutes", at)
		}
	})
}

func TestPacing_LeasesGrowWhileHandOffsAreQuick(t *testing.T) {
	chunk := 1
	for _, want := range []int{2, 4, 8, 10, 10} {
		if chunk = nextChunk(chunk, 10, quick); chunk != want {
			t.Errorf("chunk %d, want %d", chunk, want)
		}
	}
	if chunk = nextChunk(chunk, 10, quick+1); chunk != 1 {
		t.Errorf("after a slow hand-off a chunk of %d", chunk)
	}
}

func TestValidFor_MarketingTextsLiveForMinutes(t *testing.T) { // a STOP cannot recall what a provider has queued
	check := func(c policy.Class, left, want time.Duration) {
		t.Helper()
		expires := time.Time{}
		if left != 0 {
			expires = noon.Add(left)
		}
		if got := validFor(c, expires, noon); got != want {
			t.Errorf("%v with %v left: %v, want %v", c, left, got, want)
		}
	}
	check(policy.Marketing, 0, 10*time.Minute)
	check(policy.Marketing, time.Hour, 10*time.Minute)
	check(policy.Marketing, time.Minute, time.Minute)
	check(policy.Service, 0, 10*time.Hour)
	check(policy.Service, 24*time.Hour, 10*time.Hour)
	check(policy.Service, time.Second, 10*time.Second)
}
