package suppression_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"heed/suppression"
	. "heed/suppression/suppressiontest"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"
)

func TestRun_GrowsTheFilterWhileChangesGoOn(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent(),
		goleak.IgnoreAnyFunction("github.com/cockroachdb/pebble/v2.(*DB).collectTableStats"), // of stores that the fault tests left dead
		goleak.IgnoreAnyFunction("github.com/cockroachdb/pebble/v2.(*DB).maybeCollectTableStatsLocked.gowrap1"))
	const writers, each = 4, 300
	o := Options(vfs.NewMem())
	o.Capacity = 10
	grown := make(chan int, 1000)
	o.Events.FilterReady = func(keys int, _ time.Duration) { grown <- keys }
	l := must(suppression.Open("list", o))(t)
	ctx, cancel := context.WithCancel(context.Background())
	var running, writing sync.WaitGroup
	running.Go(func() {
		if err := l.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	for w := range writers {
		writing.Go(func() {
			for i := w * each; i < (w+1)*each; i++ {
				if _, err := l.Apply(ctx, unsubscribe(Key(i))); err != nil {
					t.Error(err)
				}
				hit := make([]bool, 1)
				if err := l.CheckBatch(ctx, []suppression.Key{Key(i)}, hit); err != nil || !hit[0] {
					t.Errorf("key %d right after Apply: %v, %v", i, hit, err)
				}
			}
		})
	}
	writing.Wait()
	for s := l.Stats(); s.FilterCapacity < s.Keys; s = l.Stats() {
		<-grown
	}
	everyKeyIsFound(t, l, writers*each)
	cancel()
	running.Wait()
	closeList(t, l)
}

func TestApply_GivesEachCallerItsOwnPosition(t *testing.T) {
	l := Open(t)
	const writers, each = 8, 50
	var mu sync.Mutex
	seen := map[uint64]bool{}
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			var last uint64
			for i := range each {
				p, err := l.Apply(context.Background(), unsubscribe(Key(w*each+i)))
				if err != nil || p <= last || l.Position() < p {
					t.Errorf("position %d after %d, list at %d, %v", p, last, l.Position(), err)
				}
				last = p
				mu.Lock()
				if seen[p] {
					t.Errorf("position %d twice", p)
				}
				seen[p] = true
				mu.Unlock()
			}
		})
	}
	writing.Wait()
	if l.Position() != writers*each {
		t.Errorf("position %d after %d changes", l.Position(), writers*each)
	}
}

func TestRun_ResizesWhenTheSettingsChange(t *testing.T) {
	fs := closedList(t, 50)
	o := Options(fs)
	o.Capacity, o.FalsePositives = 5000, 0.01
	l := must(suppression.Open("list", o))(t)
	defer closeList(t, l)
	if !l.Stats().FilterReady {
		t.Error("the old filter is good enough to begin with")
	}
	maintain(t, l)
	if s := l.Stats(); s.FilterCapacity != 5000 {
		t.Errorf("%+v", s)
	}
	everyKeyIsFound(t, l, 50)
}
