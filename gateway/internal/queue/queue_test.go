package queue

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"heed/gateway/internal/queue/format"
)

func TestMain(m *testing.M) {
	if from, err := strconv.Atoi(os.Getenv(failFrom)); err == nil {
		step, err := strconv.Atoi(os.Getenv(failStep))
		if err != nil || step < 1 {
			panic(failStep + " is not set")
		}
		playFailing(from, step)
		return
	}
	goleak.VerifyTestMain(m)
}

// open opens a queue for a test, on a fresh in-memory file system unless o has one, and closes it when the test ends.
func open(t testing.TB, o Options) *Queue {
	t.Helper()
	if o.FS == nil {
		o.FS = vfs.NewMem()
	}
	q, err := Open("queue", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Close(); err != nil && !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
	return q
}

// start runs q until the test or the bubble ends, or stop is called.
func start(t testing.TB, q *Queue) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- q.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func id(n int) ID { return ID{0: 1, 14: byte(n >> 8), 15: byte(n)} }

// simple is a batch of one segment of count recipients.
func simple(n, count int) Batch {
	return Batch{ID: id(n), Tenant: "acme", Head: fmt.Appendf(nil, "head %d", n), Segments: []Segment{seg(0, count)}}
}

func seg(first uint32, count int) Segment {
	return Segment{First: first, Count: count, Lane: "email", Payload: fmt.Appendf(nil, "payload %d+%d", first, count)}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func lease(t testing.TB, q *Queue, max int) *Lease {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	l, err := q.Lease(ctx, "email", max)
	must(t, err)
	return l
}

// idle fails the test if something can be leased now.
func idle(t testing.TB, q *Queue) {
	t.Helper()
	q.mu.Lock()
	defer q.mu.Unlock()
	if l := q.take("email", 1); l != nil {
		t.Fatalf("leased %v of batch %x, want nothing", l.Items, l.Batch)
	}
}

// all are results in one state for every item of a lease.
func all(l *Lease, s State) (list []Result) {
	for _, it := range l.Items {
		list = append(list, Result{Index: it.Index, State: s, Code: "250", Detail: "ok", ProviderID: "p"})
	}
	return list
}

func record(t testing.TB, q *Queue, l *Lease, results ...Result) {
	t.Helper()
	must(t, q.Record(context.Background(), l, results...))
}

func counts(t testing.TB, q *Queue, n int) Counts {
	t.Helper()
	i, err := q.Batch(id(n))
	must(t, err)
	return i.Counts
}

func flush(t testing.TB, q *Queue) {
	t.Helper()
	must(t, q.Flush(context.Background()))
}

func TestAppend_CanBeLeasedRecordedAndAskedFor(t *testing.T) { // README, P2
	q := open(t, Options{})
	must(t, q.Append(simple(1, 3)))
	l := lease(t, q, 10)
	if len(l.Items) != 3 || string(l.Payload) != "payload 0+3" || l.Tenant != "acme" || l.Batch != id(1) || l.Cancelled {
		t.Fatalf("lease %+v", l)
	}
	record(t, q, l, all(l, Sent)...)
	flush(t, q)
	if got, want := counts(t, q, 1), (Counts{Sent: 3}); got != want {
		t.Errorf("counts %v, want %v", got, want)
	}
	e, events, err := q.Timeline(id(1), 2)
	must(t, err)
	if e.State != Sent || e.At != 2 || string(e.Payload) != "payload 0+3" || len(events) != 2 || events[0].State != Queued {
		t.Errorf("timeline %+v %+v", e, events)
	}
	if want := (Event{At: events[1].At, State: Sent, Attempt: 1, Code: "250", Detail: "ok", ProviderID: "p"}); events[1] != want {
		t.Errorf("event %+v, want %+v", events[1], want)
	}
	if _, _, err := q.Timeline(id(1), 3); !errors.Is(err, ErrNotFound) {
		t.Errorf("recipient past the last: %v", err)
	}
	idle(t, q)
}

func TestAppend_RefusesWhatCouldNotBeAskedFor(t *testing.T) {
	q := open(t, Options{})
	check := func(name string, want error, b Batch) {
		t.Helper()
		if err := q.Append(b); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if _, err := q.Batch(b.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: the batch is there: %v", name, err)
		}
	}
	with := func(list ...Segment) Batch { return Batch{ID: id(9), Segments: list} }
	check("no recipients", ErrMisuse, with(seg(0, 0)))
	check("too many", ErrMisuse, with(seg(0, format.MaxRecipients+1)))
	check("overlap", ErrMisuse, with(seg(0, 3), seg(2, 3)))
	check("index too large", ErrMisuse, with(seg(1<<32-1, 2)))
	check("initial too short", ErrMisuse, with(Segment{Count: 2, Initial: []State{Sent}}))
	check("initial retrying", ErrMisuse, with(Segment{Count: 1, Initial: []State{Retrying}}))
	check("no space", ErrMisuse, Batch{ID: id(9), Records: []Record{{Key: "k"}}})
	check("NUL in space", ErrMisuse, Batch{ID: id(9), Records: []Record{{Space: "a\x00b", Key: "k"}}})
	must(t, q.Append(simple(1, 1)))
	if err := q.Append(simple(1, 1)); !errors.Is(err, ErrExists) {
		t.Errorf("same id: %v", err)
	}
}

func TestAppend_DecidedAtAcceptanceIsNeverLeased(t *testing.T) {
	q := open(t, Options{})
	s := seg(0, 4)
	s.Initial = []State{Suppressed, Queued, Invalid, Queued}
	whole := seg(4, 2)
	whole.Initial = []State{Duplicate, Suppressed}
	must(t, q.Append(Batch{ID: id(1), Segments: []Segment{s, whole}}))
	must(t, q.Append(Batch{ID: id(2), Segments: []Segment{{Count: 2, Initial: whole.Initial}}}))
	l := lease(t, q, 10)
	if want := []Item{{Index: 1}, {Index: 3}}; !slices.Equal(l.Items, want) {
		t.Errorf("leased %v, want %v", l.Items, want)
	}
	record(t, q, l, all(l, Sent)...)
	idle(t, q)
	flush(t, q)
	if got, want := counts(t, q, 1), (Counts{Sent: 2, Suppressed: 2, Invalid: 1, Duplicate: 1}); got != want {
		t.Errorf("counts %v, want %v", got, want)
	}
	if got, want := counts(t, q, 2), (Counts{Suppressed: 1, Duplicate: 1}); got != want {
		t.Errorf("counts %v, want %v", got, want)
	}
}

func TestLease_WaitsForWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, Options{})
		got := make(chan *Lease)
		for range 2 {
			go func() { got <- lease(t, q, 1) }()
		}
		synctest.Wait()
		must(t, q.Append(simple(1, 2)))
		if a, b := <-got, <-got; a.Items[0] == b.Items[0] {
			t.Errorf("both got %v", a.Items[0])
		}
	})
}

func TestLease_ALeavingWaiterPassesOnItsSignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, Options{})
		ctx, cancel := context.WithCancel(t.Context())
		left, got := make(chan error), make(chan *Lease)
		go func() {
			_, err := q.Lease(ctx, "email", 1)
			left <- err
		}()
		synctest.Wait()
		go func() { got <- lease(t, q, 1) }()
		synctest.Wait()
		cancel()
		must(t, q.Append(simple(1, 1)))
		select {
		case err := <-left:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("first waiter: %v", err)
			}
			<-got
		case l := <-got:
			t.Log("second waiter first:", l.Items)
			<-left
		}
	})
}

func TestLease_DueLaterIsHandedOutOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, Options{})
		stop := start(t, q)
		b := simple(1, 1)
		b.Segments[0].Due = time.Now().Add(time.Hour)
		must(t, q.Append(b))
		start := time.Now()
		l, err := q.Lease(t.Context(), "email", 1)
		must(t, err)
		if waited := time.Since(start); waited != time.Hour {
			t.Errorf("handed out after %v", waited)
		}
		record(t, q, l, all(l, Sent)...)
		stop()
		must(t, q.Close())
	})
}

func TestRecord_ARetryComesBackOnTimeAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewMem()
		q := open(t, Options{FS: fs})
		stop := start(t, q)
		must(t, q.Append(simple(1, 2)))
		l := lease(t, q, 2)
		again := time.Now().Add(10 * time.Minute)
		record(t, q, l, Result{Index: 1, State: Retrying, RetryAt: again}, Result{Index: 0, State: Sent})
		stop()
		must(t, q.Close())
		q = open(t, Options{FS: fs})
		stop = start(t, q)
		if got, want := counts(t, q, 1), (Counts{Sent: 1, Retrying: 1}); got != want {
			t.Errorf("counts after reopen %v, want %v", got, want)
		}
		l, err := q.Lease(t.Context(), "email", 2)
		must(t, err)
		if want := []Item{{Index: 1, Attempt: 1}}; !slices.Equal(l.Items, want) || !time.Now().Equal(again) {
			t.Errorf("leased %v at %v, want %v at %v", l.Items, time.Now(), want, again)
		}
		record(t, q, l, Result{Index: 1, State: Failed})
		flush(t, q)
		_, events, err := q.Timeline(id(1), 1)
		must(t, err)
		if len(events) != 3 || events[1].Attempt != 1 || !events[1].RetryAt.Equal(again) || events[2].Attempt != 2 {
			t.Errorf("timeline %+v", events)
		}
		stop()
		must(t, q.Close())
	})
}

func TestRecord_OnlyWhatIsInHandOnce(t *testing.T) {
	q := open(t, Options{})
	must(t, q.Append(simple(1, 3)))
	l := lease(t, q, 2)
	check := func(name string, results ...Result) {
		t.Helper()
		before := counts(t, q, 1)
		if err := q.Record(context.Background(), l, results...); !errors.Is(err, ErrMisuse) {
			t.Errorf("%s: %v", name, err)
		}
		if got := counts(t, q, 1); got != before {
			t.Errorf("%s: counts %v, were %v", name, got, before)
		}
	}
	check("not leased", Result{Index: 2, State: Sent})
	check("out of range", Result{Index: -1, State: Sent})
	check("twice in one call", Result{Index: 0, State: Sent}, Result{Index: 0, State: Failed})
	check("not a result", Result{Index: 0, State: Queued})
	check("never accepted", Result{Index: 0, State: Invalid})
	check("retry without time", Result{Index: 0, State: Retrying})
	check("one of two wrong", Result{Index: 0, State: Sent}, Result{Index: 9, State: Sent})
	record(t, q, l, Result{Index: 0, State: Sent})
	check("recorded before", Result{Index: 0, State: Sent})
	q.Release(l, Item{Index: 1}, Item{Index: 1}, Item{Index: 2})
	check("released before", Result{Index: 1, State: Sent})
	other := lease(t, q, 3)
	if want := []Item{{Index: 1}, {Index: 2}}; !slices.Equal(other.Items, want) {
		t.Fatalf("leased %v, want %v", other.Items, want)
	}
	check("in another hand", Result{Index: 1, State: Sent})
}

func TestLease_WhatWasInHandAtTheEndIsLeasedAgain(t *testing.T) { // README, P3
	fs := vfs.NewMem()
	q := open(t, Options{FS: fs})
	must(t, q.Append(simple(1, 3)))
	l := lease(t, q, 2)
	record(t, q, l, Result{Index: 0, State: Sent})
	must(t, q.Close())
	q = open(t, Options{FS: fs})
	if got, want := lease(t, q, 9).Items, []Item{{Index: 1}, {Index: 2}}; !slices.Equal(got, want) {
		t.Errorf("leased %v, want %v", got, want)
	}
}

func TestSetControl(t *testing.T) {
	fs := vfs.NewMem()
	q := open(t, Options{FS: fs})
	b := simple(1, 2)
	b.Segments = append(b.Segments, seg(2, 1))
	b.Segments[1].Due = time.Now().Add(time.Hour)
	must(t, q.Append(b))
	must(t, q.SetControl(id(1), Paused))
	idle(t, q)
	must(t, q.Close())
	q = open(t, Options{FS: fs})
	idle(t, q)
	must(t, q.SetControl(id(1), Running))
	l := lease(t, q, 1)
	must(t, q.SetControl(id(1), Stopped))
	if err := q.SetControl(id(1), Running); !errors.Is(err, ErrStopped) {
		t.Errorf("resumed a cancelled batch: %v", err)
	}
	record(t, q, l, Result{Index: 0, State: Retrying, RetryAt: time.Now().Add(time.Hour)})
	for range 2 {
		l := lease(t, q, 9)
		if !l.Cancelled {
			t.Errorf("lease of %v is not marked", l.Items)
		}
		record(t, q, l, all(l, Cancelled)...)
	}
	idle(t, q)
	if got, want := counts(t, q, 1), (Counts{Cancelled: 3}); got != want {
		t.Errorf("counts %v, want %v", got, want)
	}
	if err := q.SetControl(id(2), Paused); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown batch: %v", err)
	}
}

func TestLease_ExpiredIsHandedOutWithoutWaitingForItsRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, Options{})
		stop := start(t, q)
		b := simple(1, 1)
		expires := time.Now().Add(time.Hour)
		b.Segments[0].Expires = expires
		must(t, q.Append(b))
		l := lease(t, q, 1)
		record(t, q, l, Result{Index: 0, State: Retrying, RetryAt: time.Now().Add(9 * time.Hour)})
		l, err := q.Lease(t.Context(), "email", 1)
		must(t, err)
		if !l.Expires.Equal(expires) || !time.Now().Equal(expires) {
			t.Errorf("handed out at %v, expiry %v, want %v", time.Now(), l.Expires, expires)
		}
		stop()
		must(t, q.Close())
	})
}

func TestLease_PrioritiesAndTurns(t *testing.T) {
	q := open(t, Options{})
	add := func(n int, tenant string, priority uint8, count int) {
		b := simple(n, count)
		b.Tenant, b.Segments[0].Priority = tenant, priority
		must(t, q.Append(b))
	}
	add(1, "big", 3, 6)
	add(2, "small", 3, 2)
	add(3, "big", 0, 1)
	add(4, "big", 3, 2)
	var got []byte
	for range 6 {
		got = append(got, lease(t, q, 2).Batch[15])
	}
	// The mandatory one first; then the tenants in turn, and big's two batches in turn.
	if want := []byte{3, 1, 2, 4, 1, 1}; !slices.Equal(got, want) {
		t.Errorf("batches in order %v, want %v", got, want)
	}
	idle(t, q)
}

func TestRecipients_PagesInOrderOfIndex(t *testing.T) {
	q := open(t, Options{})
	b := Batch{ID: id(1), Tenant: "acme"}
	for i := range 5 {
		b.Segments = append(b.Segments, seg(uint32(i*10), 10))
	}
	must(t, q.Append(b))
	for range 3 { // two whole segments, and half of the third
		l := lease(t, q, 10)
		for i, r := range all(l, Sent) {
			if l.First < 20 || i%2 == 0 {
				record(t, q, l, r)
			}
		}
	}
	flush(t, q)
	check := func(s State, limit int, want ...uint32) {
		t.Helper()
		var got []uint32
		for from, more := uint32(0), true; more; {
			list, next, m, err := q.Recipients(id(1), s, from, limit)
			must(t, err)
			for _, e := range list {
				got = append(got, e.Index)
				if e.Last.State != e.State || string(e.Payload) != fmt.Sprintf("payload %d+10", e.Index/10*10) || e.At != int(e.Index%10) {
					t.Errorf("entry %+v", e)
				}
			}
			from, more = next, m
		}
		if !slices.Equal(got, want) {
			t.Errorf("state %v by %d: %v, want %v", s, limit, got, want)
		}
	}
	var every, sent, queued []uint32
	for i := range uint32(50) {
		every = append(every, i)
		if i < 20 || i < 30 && i%2 == 0 {
			sent = append(sent, i)
		} else {
			queued = append(queued, i)
		}
	}
	for _, limit := range []int{1, 7, 10, 1000} {
		check(0, limit, every...)
		check(Sent, limit, sent...)
		check(Queued, limit, queued...)
		check(Failed, limit)
	}
}

func TestStage_NothingBeforeCommitAllAfter(t *testing.T) {
	q := open(t, Options{})
	s, err := q.Stage(Batch{ID: id(1), Tenant: "acme", Records: []Record{{Space: "a", Key: "1", Value: []byte("x")}}})
	must(t, err)
	for i := range 3 {
		must(t, s.Append(seg(uint32(i*2), 2)))
	}
	idle(t, q)
	if _, err := q.Batch(id(1)); !errors.Is(err, ErrNotFound) {
		t.Errorf("visible before commit: %v", err)
	}
	if err := q.Append(simple(1, 1)); !errors.Is(err, ErrExists) {
		t.Errorf("same id while staged: %v", err)
	}
	must(t, s.Commit([]byte("head"), Record{Space: "a", Key: "2"}))
	s.Abort()
	i, err := q.Batch(id(1))
	must(t, err)
	if string(i.Head) != "head" || i.Counts != (Counts{Queued: 6}) {
		t.Errorf("batch %+v", i)
	}
	if keys, _, err := q.List("a", "", 9); err != nil || !slices.Equal(keys, []string{"1", "2"}) {
		t.Errorf("records %v %v", keys, err)
	}
	if n := len(lease(t, q, 9).Items); n != 2 {
		t.Errorf("leased %d", n)
	}
}

func TestStage_AbortLeavesNothing(t *testing.T) {
	q := open(t, Options{})
	s, err := q.Stage(Batch{ID: id(1), Segments: []Segment{seg(0, 2)}})
	must(t, err)
	must(t, s.Append(seg(2, 2)))
	s.Abort()
	idle(t, q)
	if n := storedKeys(t, q); n != 0 {
		t.Errorf("%d keys left", n)
	}
	must(t, q.Append(simple(1, 1)))
}

// storedKeys counts the keys of all spaces but marks.
func storedKeys(t testing.TB, q *Queue) (n int) {
	t.Helper()
	must(t, scan(q.store.db, []byte{'A'}, []byte{'Z'}, func(k, _ []byte) (bool, error) {
		if format.Space(k[0]) != format.Marks {
			n++
		}
		return true, nil
	}))
	return n
}

func TestRecords_LiveUntilTheyExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewMem()
		q := open(t, Options{FS: fs})
		must(t, q.Put(Record{Space: "idem", Key: "k", Value: []byte("v"), Expires: time.Now().Add(24 * time.Hour)}, Record{Space: "keys", Key: "x", Value: []byte("y")}))
		must(t, q.Close())
		q = open(t, Options{FS: fs})
		if v, err := q.Get("idem", "k"); err != nil || string(v) != "v" {
			t.Errorf("Get after reopen = %q, %v", v, err)
		}
		time.Sleep(24 * time.Hour)
		if _, err := q.Get("idem", "k"); !errors.Is(err, ErrNotFound) {
			t.Errorf("expired record: %v", err)
		}
		if keys, _, err := q.List("idem", "", 9); err != nil || len(keys) > 0 {
			t.Errorf("expired records listed: %v %v", keys, err)
		}
		time.Sleep(time.Second)
		must(t, q.sweepOnce(t.Context()))
		if n := storedKeys(t, q); n != 1 {
			t.Errorf("%d keys left, want the one that never expires", n)
		}
		if v, err := q.Get("keys", "x"); err != nil || string(v) != "y" {
			t.Errorf("Get = %q, %v", v, err)
		}
		must(t, q.Delete("keys", "x"))
		if _, err := q.Get("keys", "x"); !errors.Is(err, ErrNotFound) {
			t.Errorf("deleted record: %v", err)
		}
		must(t, q.Close())
	})
}

func TestRecords_ALaterExpiryHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, Options{})
		for _, in := range []time.Duration{time.Hour, 3 * time.Hour, -time.Hour, 2 * time.Hour} {
			must(t, q.Put(Record{Space: "s", Key: "k", Expires: time.Now().Add(in)}))
		}
		time.Sleep(time.Hour + time.Second)
		must(t, q.sweepOnce(t.Context()))
		_, err := q.Get("s", "k")
		must(t, err)
		time.Sleep(2 * time.Hour)
		must(t, q.sweepOnce(t.Context()))
		if n := storedKeys(t, q); n != 0 {
			t.Errorf("%d keys left", n)
		}
		must(t, q.Close())
	})
}

func TestRetention_DropsFinishedBatchesAndNoOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, Options{Retention: time.Hour})
		for n := range 5 {
			b := simple(n, 2)
			b.Segments = append(b.Segments, seg(2, 1))
			must(t, q.Append(b))
		}
		for range 10 {
			l := lease(t, q, 9)
			if l.Batch != id(2) {
				record(t, q, l, all(l, Sent)...)
			}
		}
		flush(t, q)
		time.Sleep(time.Hour)
		must(t, q.sweepOnce(t.Context()))
		if got := counts(t, q, 1); got[Sent] != 3 {
			t.Errorf("dropped before its time: %v", got)
		}
		time.Sleep(time.Second)
		must(t, q.sweepOnce(t.Context()))
		for n := range 5 {
			if _, err := q.Batch(id(n)); (err == nil) != (n == 2) {
				t.Errorf("batch %d: %v", n, err)
			}
		}
		if n := storedKeys(t, q); n != 1+3*2 { // head; index, header and payload of two segments
			t.Errorf("%d keys left", n)
		}
		must(t, q.Close())
	})
}

func TestRuns(t *testing.T) {
	got := runs([]uint64{7, 3, 4, 5, 9})
	if want := []run{{3, 6}, {7, 8}, {9, 10}}; !slices.Equal(got, want) {
		t.Errorf("runs %v, want %v", got, want)
	}
}

func TestOpen_ASecondOneIsRefused(t *testing.T) {
	dir := t.TempDir()
	q, err := Open(dir, Options{})
	must(t, err)
	if _, err := Open(dir, Options{}); err == nil {
		t.Error("two queues on one folder")
	} else {
		t.Log(err)
	}
	must(t, q.Close())
	if err := q.Close(); !errors.Is(err, ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
	q, err = Open(dir, Options{})
	must(t, err)
	must(t, q.Close())
}

func TestClose_EndsWaitingLeasesAndRefusesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, Options{})
		ended := make(chan error)
		go func() {
			_, err := q.Lease(t.Context(), "email", 1)
			ended <- err
		}()
		synctest.Wait()
		must(t, q.Close())
		check := func(name string, err error) {
			t.Helper()
			if !errors.Is(err, ErrClosed) {
				t.Errorf("%s: %v", name, err)
			}
		}
		check("Lease", <-ended)
		check("Append", q.Append(simple(1, 1)))
		check("Put", q.Put(Record{Space: "s"}))
		check("Flush", q.Flush(t.Context()))
		_, err := q.Batch(id(1))
		check("Batch", err)
		_, err = q.Stage(simple(1, 1))
		check("Stage", err)
		check("Run", q.Run(t.Context()))
	})
}

func TestRun_ResultsAreDurableWithinTheDelay(t *testing.T) { // README, P3
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewCrashableMem()
		q := open(t, Options{FS: fs, ResultDelay: 10 * time.Millisecond})
		stop := start(t, q)
		must(t, q.Append(simple(1, 2)))
		l := lease(t, q, 2)
		record(t, q, l, Result{Index: 0, State: Sent})
		before := fs.CrashClone(vfs.CrashCloneCfg{})
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		after := fs.CrashClone(vfs.CrashCloneCfg{})
		for _, c := range []struct {
			fs   vfs.FS
			want int
		}{{before, 2}, {after, 1}} {
			again := open(t, Options{FS: c.fs})
			if n := len(lease(t, again, 9).Items); n != c.want {
				t.Errorf("leased %d after the crash, want %d", n, c.want)
			}
			must(t, again.Close())
		}
		stop()
		must(t, q.Close())
	})
}

func TestDepth(t *testing.T) {
	q := open(t, Options{})
	must(t, q.Append(simple(1, 4)))
	l := lease(t, q, 3)
	record(t, q, l, Result{Index: 0, State: Sent}, Result{Index: 1, State: Retrying, RetryAt: time.Now().Add(time.Hour)})
	if got, want := q.Depth()["email"], (Counts{Queued: 2, Retrying: 1}); got != want {
		t.Errorf("depth %v, want %v", got, want)
	}
}
