package dispatch

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"heed/gateway/internal/queue"
	"heed/senders"
	"heed/suppression"
)

var errDisk = errors.New("disk")

// mute is a real list that cannot answer while it is down.
type mute struct {
	*suppression.List
	down  atomic.Bool
	asked atomic.Int64
}

func (l *mute) Admit(keys []suppression.Key, decide func([]suppression.Row) error) (*suppression.Handoff, error) {
	l.asked.Add(1)
	if l.down.Load() {
		return nil, errDisk
	}
	return l.List.Admit(keys, decide)
}

// P5: while the list answers errors nothing is handed off and nothing is lost, tries included; the list is asked ever more seldom. When it
// answers again, everything flows.
func TestP5_AListThatCannotAnswerHoldsEverything(t *testing.T) {
	inBubble(t, func(w *world) {
		l := &mute{List: w.list}
		w.o.List, w.o.Retry.Tries = l, 1
		l.down.Store(true)
		w.accept(campaign(100))
		w.run()
		time.Sleep(time.Hour)
		if n := len(w.sender.handOffs()); n != 0 {
			t.Errorf("%d hand-offs while the list was down", n)
		}
		if c := w.counts(queue.ID{1}); c[queue.Queued] != 100 {
			t.Errorf("while the list was down: %v", c)
		}
		if n := l.asked.Load(); n < 120 || n > 2000 {
			t.Errorf("asked %d times in an hour", n)
		}
		if !errors.Is(w.troubles[0], errDisk) {
			t.Errorf("told of %v", w.troubles[0])
		}
		l.down.Store(false)
		time.Sleep(longestPause)
		if c := w.counts(queue.ID{1}); c[queue.Sent] != 100 {
			t.Errorf("when the list was back: %v", c)
		}
	})
}

// P5: the same when the list fails in the middle.
func TestP5_AListThatFailsNowAndThenLosesNobody(t *testing.T) {
	inBubble(t, func(w *world) {
		l := &mute{List: w.list}
		w.o.List = l
		w.sender.answer = func(context.Context, *senders.Message, int) error {
			time.Sleep(time.Second)
			return nil
		}
		w.accept(campaign(200))
		w.run()
		for range 10 {
			time.Sleep(5 * time.Second)
			l.down.Store(true)
			time.Sleep(2 * time.Second) // those in hand end
			before := len(w.sender.handOffs())
			time.Sleep(10 * time.Second)
			if n := len(w.sender.handOffs()); n != before {
				t.Fatalf("%d hand-offs while the list was down", n-before)
			}
			l.down.Store(false)
		}
		if c := w.settled(queue.ID{1}); c[queue.Sent] != 200 || len(w.sender.handOffs()) != 200 {
			t.Errorf("%v after %d hand-offs", c, len(w.sender.handOffs()))
		}
	})
}

// deaf is a real queue that takes no more results after the first few.
type deaf struct {
	*queue.Queue
	takes  atomic.Int64
	failed atomic.Bool
}

func (q *deaf) Record(ctx context.Context, l *queue.Lease, r ...queue.Result) error {
	if q.takes.Add(-1) < 0 {
		q.failed.Store(true)
		return errDisk
	}
	return q.Queue.Record(ctx, l, r...)
}

// P3: when a result cannot be recorded, Run ends with the reason and no further hand-off begins: not by a worker that was about to, nor of a message that
// waits for its connection. What was in its transaction ends.
func TestP3_NoHandOffBeginsOnceAResultCannotBeRecorded(t *testing.T) {
	inBubble(t, func(w *world) {
		q := &deaf{Queue: w.queue}
		q.takes.Store(10)
		w.o.Queue = q
		var late atomic.Int64
		w.sender.before = func(context.Context, *senders.Message) error {
			time.Sleep(time.Duration(len(w.sender.handOffs())%3) * time.Millisecond)
			return nil
		}
		w.sender.answer = func(context.Context, *senders.Message, int) error {
			if q.failed.Load() {
				late.Add(1)
			}
			time.Sleep(time.Millisecond)
			return nil
		}
		w.accept(campaign(100))
		if err := New(w.o).Run(context.Background()); !errors.Is(err, errDisk) {
			t.Errorf("Run: %v", err)
		}
		// All workers but the failing one may have been in a transaction.
		if n := len(w.sender.handOffs()); n > 10+4 || late.Load() != 0 {
			t.Errorf("%d hand-offs with 10 results taken, %d of them begun afterwards", n, late.Load())
		}
	})
}

// P3: after a failure, too, a sender that hangs is cut, so that the gateway can stop.
func TestP3_AFailureDoesNotWaitForASenderThatHangs(t *testing.T) {
	inBubble(t, func(w *world) {
		q := &deaf{Queue: w.queue}
		w.o.Queue = q
		w.sender.answer = func(ctx context.Context, m *senders.Message, _ int) error {
			if m.To == mailbox(0) {
				time.Sleep(time.Second) // the others begin meanwhile
				return nil
			}
			<-ctx.Done()
			return &senders.Error{Class: senders.Unknown, Err: ctx.Err()}
		}
		w.o.Lanes[0].Chunk = 1
		w.accept(campaign(4))
		start := time.Now()
		if err := New(w.o).Run(context.Background()); !errors.Is(err, errDisk) {
			t.Errorf("Run: %v", err)
		}
		if took := time.Since(start); took != time.Second+w.o.Grace {
			t.Errorf("Run ended after %v, want a second and the grace of %v", took, w.o.Grace)
		}
	})
}

// When the queue is closed under it, Run ends with the queue's own word.
func TestRun_EndsWithTheQueuesFailure(t *testing.T) {
	inBubble(t, func(w *world) {
		w.o.Queue = closedQueue{w.queue}
		if err := New(w.o).Run(context.Background()); !errors.Is(err, queue.ErrClosed) {
			t.Errorf("Run: %v", err)
		}
	})
}

type closedQueue struct{ *queue.Queue }

func (closedQueue) Lease(context.Context, string, int) (*queue.Lease, error) {
	return nil, queue.ErrClosed
}
