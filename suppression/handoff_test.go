package suppression_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"heed/suppression"
	. "heed/suppression/suppressiontest"
)

var errBlocked = errors.New("blocked")

func block([]suppression.Row) error { return errBlocked }

// P1: workers hand off to a few addresses as fast as they can while each of them opts out. A worker that is let through and
// then finds the opt-out already acknowledged has begun a hand-off after the 200.
func TestAdmit_NoHandoffBeginsAfterAnAcknowledgedOptOut(t *testing.T) {
	const addresses, workers = 40, 4
	l := Open(t)
	var acked [addresses]atomic.Bool
	var admitted, refused atomic.Int64
	done := make(chan struct{})
	var handing, opting sync.WaitGroup
	for range workers {
		handing.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				a := i % addresses
				h, err := l.Admit([]suppression.Key{Key(a), Key(1000 + a)}, block)
				if err != nil {
					if !errors.Is(err, errBlocked) {
						t.Error(err)
					}
					refused.Add(1)
					continue
				}
				admitted.Add(1)
				if acked[a].Load() { // the first byte would go out here
					t.Errorf("a hand-off to address %d began after its opt-out was acknowledged", a)
				}
				h.Began()
				h.End()
			}
		})
	}
	for a := range addresses {
		opting.Go(func() {
			key := Key(a + a%2*1000) // by its exact key or by its family key
			if _, err := l.Apply(context.Background(), unsubscribe(key)); err != nil {
				t.Error(err)
			}
			acked[a].Store(true)
		})
	}
	opting.Wait()
	for a := range addresses {
		if h, err := l.Admit([]suppression.Key{Key(a), Key(1000 + a)}, block); !errors.Is(err, errBlocked) || h != nil {
			t.Errorf("address %d is let through after its opt-out: %v", a, err)
		}
	}
	close(done)
	handing.Wait()
	t.Logf("%d admitted, %d refused", admitted.Load(), refused.Load())
}

func TestApply_WaitsForAHandoffUnderWay(t *testing.T) {
	l := Open(t)
	h, err := l.Admit([]suppression.Key{Key(1)}, block)
	if err != nil {
		t.Fatal(err)
	}
	h.Began()
	var ended atomic.Bool
	applied := make(chan struct{})
	go func() {
		defer close(applied)
		if _, err := l.Apply(context.Background(), unsubscribe(Key(1))); err != nil {
			t.Error(err)
		}
		if !ended.Load() {
			t.Error("Apply returned while the hand-off was under way")
		}
	}()
	for l.Position() == 0 { // in force before it is answered
		runtime.Gosched()
	}
	if _, err := l.Admit([]suppression.Key{Key(1)}, block); !errors.Is(err, errBlocked) {
		t.Errorf("a hand-off that begins now: %v", err)
	}
	ended.Store(true)
	h.End()
	h.End() // a second call does nothing
	<-applied
}

func TestApply_DoesNotWaitForOthers(t *testing.T) {
	l := Open(t)
	h, err := l.Admit([]suppression.Key{Key(1), Key(2)}, block)
	if err != nil {
		t.Fatal(err)
	}
	defer h.End()
	ctx := context.Background()
	must(l.Apply(ctx, unsubscribe(Key(3))))(t)    // another address
	must(l.Apply(ctx, lift(Key(1), 0, "", 1)))(t) // nothing to hold back
	must(l.Apply(ctx, lift(Key(2), 0, "", 0)))(t) // nothing at all
}

func TestAdmit_ErrorsAndPanicsUnregister(t *testing.T) {
	l := Open(t)
	must(l.Apply(context.Background(), unsubscribe(Key(1))))(t)
	if _, err := l.Admit([]suppression.Key{Key(1)}, block); !errors.Is(err, errBlocked) {
		t.Fatal(err)
	}
	func() {
		defer func() { _ = recover() }()
		_, _ = l.Admit([]suppression.Key{Key(1)}, func([]suppression.Row) error { panic("decide") })
	}()
	must(l.Apply(context.Background(), unsubscribe(Key(1))))(t) // would wait two seconds and then pass; see the gate's own test
	if n := l.Handoffs(); n != 0 {
		t.Errorf("%d hand-offs still announced", n)
	}
	h, err := l.Admit([]suppression.Key{Key(1)}, func(rows []suppression.Row) error {
		if len(rows) != 1 {
			t.Errorf("rows %+v", rows)
		}
		return nil
	})
	if err != nil || l.Handoffs() != 1 {
		t.Fatalf("allowed in spite of a row: %v, %d announced", err, l.Handoffs())
	}
	h.End()
	if n := l.Handoffs(); n != 0 {
		t.Errorf("%d hand-offs still announced", n)
	}
}
