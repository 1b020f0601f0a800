package queue

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// slow is a disk whose syncs wait while it is blocked.
type slow struct{ gate atomic.Pointer[chan struct{}] }

func (s *slow) block() {
	gate := make(chan struct{})
	s.gate.Store(&gate)
}

func (s *slow) unblock() { close(*s.gate.Swap(nil)) }

func (s *slow) String() string { return "slow" }

func (s *slow) MaybeError(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		if gate := s.gate.Load(); gate != nil {
			<-*gate
		}
	}
	return nil
}

func unsynced(q *Queue) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.mu.unsynced
}

// TestRecord_WaitsForASlowDisk: however many workers send, what is not on disk stays within Options.MaxUnsynced, and what waits goes on
// when the disk does. // P3: in flight plus one result batch
func TestRecord_WaitsForASlowDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const recipients, bound = 20, 4
		disk := &slow{}
		q := open(t, Options{FS: errorfs.Wrap(vfs.NewMem(), disk), MaxUnsynced: bound})
		stop := start(t, q)
		must(t, q.Append(simple(1, recipients)))
		disk.block()
		var recorded atomic.Int64
		for range recipients {
			go func() {
				l := lease(t, q, 1)
				if err := q.Record(t.Context(), l, all(l, Sent)...); err != nil {
					t.Error(err)
				}
				recorded.Add(1)
			}()
		}
		time.Sleep(time.Second) // of the bubble's clock: more than a ResultDelay, so Run is in the sync
		synctest.Wait()
		if n := unsynced(q); recorded.Load() != bound || n != bound {
			t.Errorf("%d calls went through, %d results are not on disk; want %d of both", recorded.Load(), n, bound)
		}
		disk.unblock()
		time.Sleep(time.Second)
		synctest.Wait()
		if n := unsynced(q); recorded.Load() != recipients || n != 0 {
			t.Errorf("%d calls went through, %d results are not on disk", recorded.Load(), n)
		}
		if got, want := counts(t, q, 1), (Counts{Sent: recipients}); got != want {
			t.Errorf("counts %v, want %v", got, want)
		}
		stop()
		must(t, q.Close())
	})
}

func TestRecord_WaitsNoLongerThanItsContextAndTakesNothingThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &slow{}
		q := open(t, Options{FS: errorfs.Wrap(vfs.NewMem(), disk), MaxUnsynced: 1})
		stop := start(t, q)
		must(t, q.Append(simple(1, 3)))
		l := lease(t, q, 3)
		disk.block()
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		must(t, q.Record(gone, l, Result{Index: 0, State: Sent})) // there is room: what was sent is taken
		if err := q.Record(gone, l, Result{Index: 1, State: Sent}); !errors.Is(err, context.Canceled) {
			t.Errorf("Record without room under an ended context: %v", err)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begun := time.Now()
		if err := q.Record(short, l, Result{Index: 1, State: Sent}); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != time.Minute {
			t.Errorf("Record on a blocked disk: %v after %v", err, time.Since(begun))
		}
		if got, want := counts(t, q, 1), (Counts{Queued: 2, Sent: 1}); got != want || unsynced(q) != 1 {
			t.Errorf("counts %v, want %v; %d unsynced", got, want, unsynced(q))
		}
		disk.unblock()
		record(t, q, l, Result{Index: 1, State: Sent}, Result{Index: 2, State: Failed}) // the items are in hand still
		stop()
		must(t, q.Close())
	})
}

// waiting is a queue with a Record that waits for room, and what it will answer. Nobody runs the queue.
func waiting(t *testing.T, fs vfs.FS) (*Queue, <-chan error) {
	q, err := Open("queue", Options{FS: fs, MaxUnsynced: 1})
	must(t, err)
	must(t, q.Append(simple(1, 2)))
	l := lease(t, q, 2)
	record(t, q, l, Result{Index: 0, State: Sent})
	answer := make(chan error, 1)
	go func() { answer <- q.Record(t.Context(), l, Result{Index: 1, State: Sent}) }()
	synctest.Wait()
	if len(answer) > 0 {
		t.Fatalf("Record did not wait: %v", <-answer)
	}
	return q, answer
}

func TestRecord_AWaitingOneEndsWithTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, answer := waiting(t, vfs.NewMem())
		fire := q.store.fail(errors.New("disk on fire"))
		if err := <-answer; !errors.Is(err, fire) {
			t.Errorf("Record: %v, want %v", err, fire)
		}
		must(t, dismantle(q))
	})
}

func TestRecord_AWaitingOneEndsWithClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewMem()
		q, answer := waiting(t, fs)
		must(t, q.Close())
		if err := <-answer; !errors.Is(err, ErrClosed) {
			t.Errorf("Record: %v", err)
		}
		q = open(t, Options{FS: fs})
		if got, want := lease(t, q, 9).Items, []Item{{Index: 1}}; !slices.Equal(got, want) {
			t.Errorf("leased %v after Close, want what was not taken: %v", got, want)
		}
		must(t, q.Close())
	})
}

func TestRecord_AWaitingOneGoesOnAfterFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, answer := waiting(t, vfs.NewMem())
		flush(t, q)
		must(t, <-answer)
		must(t, q.Close())
	})
}
