package dispatch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/queue"
	"heed/senders"
	"heed/suppression/policy"
)

// answer is what the provider does with one try.
type answer struct {
	name  string
	early bool // before the transaction begins
	err   error
	state queue.State // the message's; 0: it is tried again
	tries int         // used up
}

var answers = []answer{
	{"taken", false, nil, queue.Sent, 1},
	{"temporary", false, &senders.Error{Class: senders.Temporary, Code: "4.2.0"}, 0, 1},
	{"permanent", false, &senders.Error{Class: senders.Permanent, Code: "5.7.1"}, queue.Failed, 1},
	{"throttled", false, &senders.Error{Class: senders.Throttled, Code: "429", RetryAfter: 20 * time.Second}, 0, 1},
	{"unknown", false, &senders.Error{Class: senders.Unknown}, queue.Failed, 1},
	{"broken off", false, &senders.Error{Class: senders.Unavailable, Code: "4.4.2", Err: context.Canceled}, 0, 1},
	{"no connection", true, &senders.Error{Class: senders.Unavailable, Code: "4.4.1"}, 0, 0},
	{"refused early", true, &senders.Error{Class: senders.Permanent, Code: "5.1.3"}, queue.Failed, 1},
	{"throttled early", true, &senders.Error{Class: senders.Throttled, Code: "429"}, 0, 1},
	{"unclassed", false, errors.New("no class"), queue.Failed, 1},
	{"unclassed early", true, errors.New("no class"), 0, 1},
	{"no class", false, &senders.Error{}, queue.Failed, 1},
	{"none left", false, &senders.Error{Class: 77}, queue.Failed, 1},
}

// expect plays a script by the plainest means: the state the message ends in, and how often its transaction begins.
func expect(script []answer, tries int) (s queue.State, begun int) {
	for used, i := 0, 0; ; i++ {
		if i == len(script) {
			return queue.Sent, begun + 1
		}
		a := script[i]
		if !a.early {
			begun++
		}
		if a.state != 0 {
			return a.state, begun
		}
		if used += a.tries; used == tries {
			return queue.Failed, begun
		}
	}
}

// play makes a world's sender answer by scripts, one an address; after its end everything is taken.
func play(w *world, scripts map[string][]answer) {
	var mu sync.Mutex
	next := func(to string, early bool) error {
		mu.Lock()
		defer mu.Unlock()
		script := scripts[to]
		if len(script) == 0 || script[0].early != early {
			return nil
		}
		scripts[to] = script[1:]
		return script[0].err
	}
	w.sender.before = func(_ context.Context, m *senders.Message) error { return next(m.To, true) }
	w.sender.answer = func(_ context.Context, m *senders.Message, _ int) error { return next(m.To, false) }
}

// P2: whatever the provider answers, each recipient ends in exactly one final state, the one its answers ask for, after just as many
// transactions, and nothing stays queued.
func TestP2_EveryRecipientEndsInOneFinalState(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const tries = 4
		scripts := map[string][]answer{}
		n := rapid.IntRange(1, 12).Draw(rt, "recipients")
		for i := range n {
			scripts[mailbox(i)] = rapid.SliceOfN(rapid.SampledFrom(answers), 0, 6).Draw(rt, mailbox(i))
		}
		workers, chunk := rapid.IntRange(1, 4).Draw(rt, "workers"), rapid.IntRange(1, 5).Draw(rt, "chunk")
		type end struct {
			state queue.State
			begun int
		}
		want, got := map[string]end{}, map[string]end{}
		for to, script := range scripts {
			s, begun := expect(script, tries)
			want[to] = end{s, begun}
		}
		inBubble(t, func(w *world) {
			w.o.Lanes[0].Workers, w.o.Lanes[0].Chunk, w.o.Retry.Tries = workers, chunk, tries
			play(w, scripts)
			w.accept(campaign(n))
			stop := w.run()
			w.settled(queue.ID{1})
			stop()
			for i := range n {
				got[mailbox(i)] = end{w.last(queue.ID{1}, uint32(i)).State, w.sender.nth[mailbox(i)]}
			}
			if d := w.queue.Depth()["email"]; d[queue.Queued]+d[queue.Retrying] != 0 {
				rt.Fatalf("left in the queue: %v", d)
			}
		})
		for to := range want {
			if got[to] != want[to] {
				rt.Fatalf("%s ended as %v, want %v", to, got[to], want[to])
			}
		}
	})
}

// P2: messages that cannot be made end as failed with the reason, and hold up nobody.
func TestP2_WhatCannotBeMadeFails(t *testing.T) {
	inBubble(t, func(w *world) {
		var p batch.Packer
		p.Append(batch.Recipient{To: []byte("no address")})
		p.Append(batch.Recipient{To: []byte(mailbox(1))}) // lacks its variable
		p.Append(batch.Recipient{To: []byte(mailbox(2)), Vars: []byte(`{"name":`)})
		p.Append(batch.Recipient{To: []byte(mailbox(3)), Vars: []byte(`{"name":"Ann"}`)})
		w.accept(campaign(1, func(_ *batch.Head, b *queue.Batch) { b.Segments[0].Payload, b.Segments[0].Count = p.Bytes(), 4 }))
		w.run()
		if c := w.settled(queue.ID{1}); c[queue.Failed] != 3 || c[queue.Sent] != 1 {
			t.Errorf("%v", c)
		}
		if e := w.last(queue.ID{1}, 1); e.Code != "content" || e.Detail == "" {
			t.Errorf("%+v", e)
		}
	})
}

// P2: a whole lease that cannot be read fails with its reason, told to metrics too, and holds up nobody. P5: a class that
// the policy does not know is none to send.
func TestP2_UnreadableContentFails(t *testing.T) {
	check := func(code string, change func(h *batch.Head, b *queue.Batch)) {
		t.Helper()
		inBubble(t, func(w *world) {
			w.accept(campaign(3, change))
			w.accept(campaign(3, func(_ *batch.Head, b *queue.Batch) { b.ID = queue.ID{2} }))
			w.run()
			if c := w.settled(queue.ID{1}); c[queue.Failed] != 3 {
				t.Errorf("%s: %v", code, c)
			}
			if e := w.last(queue.ID{1}, 2); e.Code != code {
				t.Errorf("%+v, want %s", e, code)
			}
			if c := w.settled(queue.ID{2}); c[queue.Sent] != 3 {
				t.Errorf("%s: the batch after it: %v", code, c)
			}
			if w.outcomes[queue.Failed] != 3 || len(w.troubles) == 0 {
				t.Errorf("%s: told of %v, %v", code, w.outcomes, w.troubles)
			}
		})
	}
	check("unreadable", func(_ *batch.Head, b *queue.Batch) { b.Segments[0].Payload[9] ^= 1 })
	check("unreadable", func(_ *batch.Head, b *queue.Batch) {
		b.Segments[0].Payload = new(batch.Packer).Bytes() // no recipient where the queue counts three
	})
	check("content", func(h *batch.Head, _ *queue.Batch) { h.Subject = "{{" })
	check("content", func(h *batch.Head, _ *queue.Batch) { h.Class = 0 })
}

// P2: a head of a newer version is no reason to give up what was accepted: the dispatcher ends, and says why.
func TestP2_AFormatOfANewerVersionEndsRunAndLosesNothing(t *testing.T) {
	inBubble(t, func(w *world) {
		b := campaign(3)
		b.Head[0]++
		w.accept(b)
		if err := New(w.o).Run(context.Background()); !errors.Is(err, batch.ErrVersion) {
			t.Errorf("Run: %v", err)
		}
		if c := w.counts(queue.ID{1}); c[queue.Queued] != 3 {
			t.Errorf("%v", c)
		}
	})
}

// P2: a cancelled batch ends as such, but for what is in hand.
func TestP2_CancelIsHonoured(t *testing.T) {
	inBubble(t, func(w *world) {
		w.o.Lanes[0].Workers, w.o.Lanes[0].Chunk = 2, 3
		w.sender.answer = func(context.Context, *senders.Message, int) error {
			time.Sleep(100 * time.Millisecond)
			return nil
		}
		w.accept(campaign(50))
		w.run()
		time.Sleep(time.Second)
		before := len(w.sender.handOffs())
		must(t, w.queue.SetControl(queue.ID{1}, queue.Stopped))
		c := w.settled(queue.ID{1})
		if n := c[queue.Sent]; c[queue.Cancelled]+n != 50 || n != uint64(len(w.sender.handOffs())) || n > uint64(before)+4 {
			t.Errorf("%v, %d handed off before, want at most the 6 in hand sent", c, before)
		}
		if w.outcomes[queue.Cancelled] != int(c[queue.Cancelled]) {
			t.Errorf("told of %v", w.outcomes)
		}
	})
}

// P2: a paused batch stays, and goes on when it is resumed.
func TestP2_PauseIsHonoured(t *testing.T) {
	inBubble(t, func(w *world) {
		w.accept(campaign(50))
		must(t, w.queue.SetControl(queue.ID{1}, queue.Paused))
		w.run()
		time.Sleep(time.Hour)
		if n := len(w.sender.handOffs()); n != 0 {
			t.Errorf("%d hand-offs of a paused batch", n)
		}
		must(t, w.queue.SetControl(queue.ID{1}, queue.Running))
		if c := w.settled(queue.ID{1}); c[queue.Sent] != 50 {
			t.Errorf("%v", c)
		}
	})
}

func expiring(after time.Duration) func(*batch.Head, *queue.Batch) {
	return func(h *batch.Head, b *queue.Batch) { b.Segments[0].Expires = time.Now().Add(after) }
}

// P2: nothing is handed off once it has expired: not when leased, not in the middle of a lease, and not when its connection came late.
func TestP2_ExpiryIsHonoured(t *testing.T) {
	inBubble(t, func(w *world) {
		w.o.Lanes[0].Workers = 1
		w.sender.answer = func(context.Context, *senders.Message, int) error {
			time.Sleep(100 * time.Millisecond)
			return nil
		}
		w.accept(campaign(20, expiring(500*time.Millisecond)))
		w.run()
		if c := w.settled(queue.ID{1}); c[queue.Sent] != 5 || c[queue.Expired] != 15 || w.outcomes[queue.Expired] != 15 {
			t.Errorf("%v, told of %v", c, w.outcomes)
		}
	})
	inBubble(t, func(w *world) {
		w.sender.before = func(context.Context, *senders.Message) error {
			time.Sleep(time.Minute)
			return nil
		}
		w.accept(campaign(4, expiring(30*time.Second)))
		w.run()
		if c := w.settled(queue.ID{1}); c[queue.Expired] != 4 || len(w.sender.handOffs()) != 0 {
			t.Errorf("%v after %d hand-offs", c, len(w.sender.handOffs()))
		}
	})
}

// P2: a retry that waits ends when the message expires, not when the retry was due.
func TestP2_AWaitingRetryExpires(t *testing.T) {
	inBubble(t, func(w *world) {
		w.sender.answer = func(context.Context, *senders.Message, int) error {
			return &senders.Error{Class: senders.Temporary, Code: "4.2.0"}
		}
		w.o.Retry = Retry{Least: time.Hour, First: time.Hour, Max: time.Hour}
		w.accept(campaign(1, expiring(90*time.Minute)))
		start := time.Now()
		w.run()
		w.settled(queue.ID{1})
		e := w.last(queue.ID{1}, 0)
		if e.State != queue.Failed || e.Code != "4.2.0" || len(w.sender.handOffs()) != 2 {
			t.Errorf("after %v: %+v", time.Since(start), e)
		}
	})
}

func TestPlans_StayWithinTheirBounds(t *testing.T) {
	p := plans{byKey: map[planKey]*plan{}}
	key := func(i int) planKey { return planKey{queue.ID{byte(i >> 8), byte(i)}, policy.Email} }
	for i := range 2 * maxPlans {
		p.put(key(i), &plan{}, 1000)
	}
	if len(p.byKey) != maxPlans || len(p.order) != maxPlans || p.bytes != 1000*maxPlans {
		t.Errorf("%d plans, %d bytes", len(p.byKey), p.bytes)
	}
	if p.get(key(0)) != nil || p.get(key(2*maxPlans-1)) == nil {
		t.Error("the oldest stayed or the newest went")
	}
	for i := range 20 {
		p.put(key(5000+i), &plan{domain: fmt.Sprint(i)}, 4<<20)
	}
	if p.bytes > maxPlanBytes || len(p.byKey) != 16 || p.get(key(5019)).domain != "19" {
		t.Errorf("%d plans, %d bytes", len(p.byKey), p.bytes)
	}
}
