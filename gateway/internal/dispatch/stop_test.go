package dispatch

import (
	"context"
	"testing"
	"time"

	"heed/gateway/internal/queue"
	"heed/senders"
)

// stopIn runs a dispatcher, tells it to stop after a while and answers how long that took.
func (w *world) stopIn(after time.Duration) (took time.Duration) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- New(w.o).Run(ctx) }()
	time.Sleep(after)
	cancel()
	start := time.Now()
	if err := <-ended; err != nil {
		w.t.Errorf("Run: %v", err)
	}
	return time.Since(start)
}

// Transactions under way end, everything else is given back: nothing is in hand any more.
func TestStop_FinishesWhatHasBegunAndGivesBackTheRest(t *testing.T) {
	inBubble(t, func(w *world) {
		w.sender.answer = func(context.Context, *senders.Message, int) error {
			time.Sleep(2 * time.Second)
			return nil
		}
		w.accept(campaign(100))
		if took := w.stopIn(3 * time.Second); took != time.Second {
			t.Errorf("stopping took %v", took)
		}
		if c := w.counts(queue.ID{1}); c[queue.Sent] != 8 || c[queue.Queued] != 92 || len(w.sender.handOffs()) != 8 {
			t.Errorf("%v after %d hand-offs, want 4 workers' second messages", c, len(w.sender.handOffs()))
		}
		w.sender.answer = nil
		w.run() // a second dispatcher finds the rest
		if c := w.settled(queue.ID{1}); c[queue.Sent] != 100 || len(w.sender.handOffs()) != 100 {
			t.Errorf("%v after %d hand-offs", c, len(w.sender.handOffs()))
		}
	})
}

// A transaction that hangs is cut at the grace; a message that may have been accepted is not sent again (P3), one that was not is.
func TestStop_CutsASenderThatHangsAtTheGrace(t *testing.T) {
	check := func(c senders.Class, want queue.State) {
		t.Helper()
		inBubble(t, func(w *world) {
			w.sender.answer = func(ctx context.Context, _ *senders.Message, _ int) error {
				<-ctx.Done()
				return &senders.Error{Class: c, Err: ctx.Err()}
			}
			w.accept(campaign(100))
			if took := w.stopIn(time.Second); took != w.o.Grace {
				t.Errorf("stopping took %v, want the grace of %v", took, w.o.Grace)
			}
			if c := w.counts(queue.ID{1}); c[queue.Queued] != 96 && want != queue.Queued || c[want] < 4 || c[queue.Queued]+c[queue.Failed] != 100 {
				t.Errorf("%v", c)
			}
			if len(w.troubles) > 0 {
				t.Errorf("the operator hears of our own stop as %v", w.troubles)
			}
		})
	}
	check(senders.Unknown, queue.Failed)
	check(senders.Unavailable, queue.Queued)
}

// A message that waits for its connection when the gateway stops does not begin any more.
func TestStop_NothingBeginsAfterIt(t *testing.T) {
	inBubble(t, func(w *world) {
		w.sender.before = func(context.Context, *senders.Message) error {
			time.Sleep(5 * time.Second)
			return nil
		}
		w.accept(campaign(10))
		w.stopIn(time.Second)
		if c := w.counts(queue.ID{1}); c[queue.Queued] != 10 || len(w.sender.handOffs()) != 0 {
			t.Errorf("%v after %d hand-offs", c, len(w.sender.handOffs()))
		}
	})
}

// P3: a result is recorded even if it comes when the grace is over.
func TestStop_ASenderThatAnswersAfterTheGraceIsRecorded(t *testing.T) {
	inBubble(t, func(w *world) {
		q := &strict{w.queue}
		w.o.Queue = q
		w.sender.answer = func(context.Context, *senders.Message, int) error {
			time.Sleep(w.o.Grace + 5*time.Second)
			return nil
		}
		w.accept(campaign(1))
		w.stopIn(time.Second)
		if c := w.counts(queue.ID{1}); c[queue.Sent] != 1 {
			t.Errorf("sent, and recorded as %v", c)
		}
	})
}

// strict is a real queue whose buffer is always full: Record waits for its context, as Queue.Record may.
type strict struct{ *queue.Queue }

func (q *strict) Record(ctx context.Context, l *queue.Lease, r ...queue.Result) error {
	if err := q.Flush(ctx); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return q.Queue.Record(ctx, l, r...)
}

// While a lane rests, a stop is heard at once.
func TestStop_EndsAPause(t *testing.T) {
	inBubble(t, func(w *world) {
		w.sender.answer = func(context.Context, *senders.Message, int) error {
			return &senders.Error{Class: senders.Throttled, RetryAfter: time.Hour}
		}
		w.accept(campaign(10))
		if took := w.stopIn(time.Minute); took != 0 {
			t.Errorf("stopping took %v", took)
		}
	})
}

// Without lanes the messages wait, and Run waits with them: a gateway that only takes in is none that has failed.
func TestRun_WaitsWithoutLanes(t *testing.T) {
	inBubble(t, func(w *world) {
		w.o.Lanes = nil
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		start := time.Now()
		if err := New(w.o).Run(ctx); err != nil || time.Since(start) != time.Hour {
			t.Errorf("Run ended after %v with %v", time.Since(start), err)
		}
	})
}
