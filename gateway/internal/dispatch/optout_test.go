package dispatch

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/queue"
	"heed/senders"
	"heed/suppression"
	"heed/suppression/policy"
)

// ledger is a sender that notes, by one counter for the whole test, when each transaction began and ended.
type ledger struct {
	clock *atomic.Int64
	mu    sync.Mutex
	spans map[string][]span
}

type span struct{ began, ended int64 }

func (s *ledger) Send(_ context.Context, m *senders.Message) (senders.Result, error) {
	h, err := m.Begin()
	if err != nil {
		return senders.Result{}, err
	}
	defer h.End()
	h.Began()
	began := s.clock.Add(1)
	for range rand.IntN(20) {
		runtime.Gosched()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spans[m.To] = append(s.spans[m.To], span{began, s.clock.Add(1)})
	return senders.Result{}, nil
}

func (*ledger) Close() error { return nil }

// P1: opt-outs race with hand-offs to the same addresses. By one clock for all, no transaction begins, or is still under way, once the
// opt-out of its address has been answered; and whoever got nothing is recorded as suppressed.
func TestP1_NoHandOffOnceAnOptOutIsAnswered(t *testing.T) {
	const people = 300
	rounds := 20
	if testing.Short() {
		rounds = 4
	}
	sent, suppressed := 0, 0
	for round := range rounds {
		w := newWorld(t)
		var clock atomic.Int64
		s := &ledger{clock: &clock, spans: map[string][]span{}}
		w.o.Lanes[0].Sender, w.o.Lanes[0].Workers, w.o.Lanes[0].Chunk = s, 6, 1+round
		w.accept(campaign(people))
		stop := w.run()
		answered := make([]int64, people)
		var clicks sync.WaitGroup
		order := rand.Perm(people)
		for clicker := range 4 {
			clicks.Go(func() {
				for i := clicker; i < people; i += 4 {
					w.optOut(mailbox(order[i]), policy.UnsubscribeAll)
					answered[order[i]] = clock.Add(1)
				}
			})
		}
		clicks.Wait()
		counts := w.settled(queue.ID{1})
		stop()
		for i := range people {
			for _, span := range s.spans[mailbox(i)] {
				if span.ended > answered[i] {
					t.Fatalf("round %d, recipient %d: transaction [%d, %d], opt-out answered at %d", round, i, span.began, span.ended, answered[i])
				}
			}
		}
		if got := counts[queue.Sent] + counts[queue.Suppressed]; got != people || counts[queue.Sent] != uint64(len(s.spans)) {
			t.Fatalf("%d were handed off, and recorded is %v", len(s.spans), counts)
		}
		sent, suppressed = sent+int(counts[queue.Sent]), suppressed+int(counts[queue.Suppressed])
	}
	if sent == 0 || suppressed == 0 {
		t.Errorf("no race: %d sent, %d suppressed", sent, suppressed)
	}
	t.Logf("%d sent, %d suppressed", sent, suppressed)
}

// P1, decision 3: the answer waits for the transaction in hand, but for two seconds at most.
func TestP1_TheAnswerWaitsForTheHandOffInHand(t *testing.T) {
	check := func(transaction, wait time.Duration) {
		t.Helper()
		inBubble(t, func(w *world) {
			w.sender.answer = func(context.Context, *senders.Message, int) error {
				time.Sleep(transaction)
				return nil
			}
			w.accept(campaign(1))
			start := time.Now()
			w.run()
			time.Sleep(100 * time.Millisecond)
			if w.optOut(mailbox(0), policy.UnsubscribeAll); time.Since(start).Round(10*time.Millisecond) != wait {
				t.Errorf("a transaction of %v: answered after %v, want %v", transaction, time.Since(start), wait)
			}
			w.settled(queue.ID{1})
		})
	}
	check(time.Second, time.Second)
	check(10*time.Second, 2100*time.Millisecond)
}

// P1: the check is made with the connection in hand, not when the message is leased or rendered.
func TestP1_AnOptOutWhileTheMessageWaitsForItsConnection(t *testing.T) {
	inBubble(t, func(w *world) {
		w.sender.before = func(context.Context, *senders.Message) error {
			time.Sleep(time.Minute)
			return nil
		}
		w.accept(campaign(1))
		w.run()
		time.Sleep(30 * time.Second)
		w.optOut(mailbox(0), policy.UnsubscribeAll)
		if c := w.settled(queue.ID{1}); c[queue.Suppressed] != 1 || len(w.sender.handOffs()) != 0 {
			t.Errorf("%v, %d hand-offs", c, len(w.sender.handOffs()))
		}
		if e := w.last(queue.ID{1}, 0); e.Code != "unsubscribe_all" || e.Detail != "unsubscribe_all/marketing" {
			t.Errorf("recorded %+v", e)
		}
	})
}

// P1: a retry is checked again.
func TestP1_AnOptOutBetweenTwoTries(t *testing.T) {
	inBubble(t, func(w *world) {
		w.sender.answer = func(context.Context, *senders.Message, int) error {
			return &senders.Error{Class: senders.Temporary, Code: "4.2.0"}
		}
		w.accept(campaign(1))
		w.run()
		time.Sleep(time.Second)
		w.optOut(mailbox(0), policy.Complaint)
		if c := w.settled(queue.ID{1}); c[queue.Suppressed] != 1 || len(w.sender.handOffs()) != 1 {
			t.Errorf("%v after %d hand-offs", c, len(w.sender.handOffs()))
		}
	})
}

// P4: who left the marketing still gets what service and mandatory messages tell.
func TestP4_AMarketingOptOutHoldsBackMarketingOnly(t *testing.T) {
	inBubble(t, func(w *world) {
		w.optOut(mailbox(0), policy.UnsubscribeAll)
		classes := []policy.Class{policy.Marketing, policy.Transactional, policy.Service, policy.Mandatory}
		for _, c := range classes {
			w.accept(campaign(2, class(c), func(_ *batch.Head, b *queue.Batch) { b.ID = queue.ID{byte(c)} }))
		}
		w.run()
		for _, c := range classes {
			got, want := w.settled(queue.ID{byte(c)}), uint64(2)
			if c == policy.Marketing {
				want = 1
			}
			if got[queue.Sent] != want || got[queue.Suppressed] != 2-want {
				t.Errorf("%v: %v", c, got)
			}
		}
	})
}

// texts turns a world's lane and a batch into SMS.
func texts(w *world) func(*batch.Head, *queue.Batch) {
	w.o.Lanes[0].Name, w.o.Lanes[0].Channel = "sms", policy.SMS
	return func(h *batch.Head, b *queue.Batch) {
		h.Channel, h.From, h.Body = policy.SMS, "+15005550006", "Hi {{name}}"
		b.Segments[0].Lane = "sms"
	}
}

// P4: what STOP keeps from going out by SMS is told as undeliverable, with the rule; a marketing text is just suppressed.
func TestP4_WhatSTOPKeepsBackIsRecordedWithItsReason(t *testing.T) {
	check := func(c policy.Class, code, detail string) {
		t.Helper()
		inBubble(t, func(w *world) {
			w.accept(campaign(1, class(c), texts(w)))
			w.optOut(mailbox(0), policy.SMSStop)
			w.run()
			w.settled(queue.ID{1})
			if e := w.last(queue.ID{1}, 0); e.State != queue.Suppressed || e.Code != code || e.Detail != detail {
				t.Errorf("%v: %+v, want %s with %s", c, e, code, detail)
			}
			if n := len(w.sender.handOffs()); n > 0 {
				t.Errorf("%v: %d hand-offs", c, n)
			}
		})
	}
	check(policy.Marketing, "sms_stop", "sms_stop/marketing")
	check(policy.Transactional, "undeliverable", "sms_stop/transactional")
	check(policy.Service, "undeliverable", "sms_stop/service")
	check(policy.Mandatory, "undeliverable", "sms_stop/mandatory")
}

// P4: a STOP that only the provider knew of is recorded, and in force for the next message.
func TestP4_AProvidersSTOPIsLearned(t *testing.T) {
	inBubble(t, func(w *world) {
		w.o.Learn = func(c policy.Channel, code string) policy.Reason {
			return map[string]policy.Reason{"21610": policy.SMSStop}[code]
		}
		w.sender.answer = func(context.Context, *senders.Message, int) error {
			return &senders.Error{Class: senders.Permanent, Code: "21610", Detail: "has said STOP", OfRecipient: true}
		}
		w.accept(campaign(1, class(policy.Service), texts(w)))
		w.run()
		w.settled(queue.ID{1})
		if e := w.last(queue.ID{1}, 0); e.State != queue.Suppressed || e.Code != "21610" || e.Detail != "has said STOP" {
			t.Errorf("recorded %+v", e)
		}
		rows, err := w.list.Rows(nil, keyOf(t, mailbox(0)))
		must(t, err)
		if len(rows) != 1 || rows[0].Reason != policy.SMSStop || rows[0].Source != suppression.ByProvider || rows[0].Class != policy.Service {
			t.Errorf("learned %+v", rows)
		}
		w.accept(campaign(1, class(policy.Service), texts(w), func(_ *batch.Head, b *queue.Batch) { b.ID = queue.ID{2} }))
		w.settled(queue.ID{2})
		if e := w.last(queue.ID{2}, 0); e.Code != "undeliverable" || len(w.sender.handOffs()) != 1 {
			t.Errorf("the next message: %+v", e)
		}
	})
}
