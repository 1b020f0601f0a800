package queue

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"go.uber.org/goleak"

	"heed/gateway/internal/queue/format"
)

// full is a file system with so much space left.
type full struct {
	vfs.FS
	free atomic.Uint64
}

func (f *full) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: f.free.Load()}, nil
}

func TestMinFree_RefusesIntakeAndKeepsRecording(t *testing.T) {
	fs := &full{FS: vfs.NewMem()}
	fs.free.Store(100)
	q := open(t, Options{FS: fs, MinFree: 50})
	must(t, q.Append(simple(1, 2)))
	s, err := q.Stage(Batch{ID: id(2)})
	must(t, err)
	fs.free.Store(49)
	if err := q.Append(simple(3, 1)); !errors.Is(err, ErrFull) {
		t.Errorf("Append on a full disk: %v", err)
	}
	if _, err := q.Stage(Batch{ID: id(3)}); !errors.Is(err, ErrFull) {
		t.Errorf("Stage on a full disk: %v", err)
	}
	if err := s.Append(seg(0, 1)); !errors.Is(err, ErrFull) {
		t.Errorf("Append of a stage on a full disk: %v", err)
	}
	l := lease(t, q, 2)
	record(t, q, l, all(l, Sent)...)
	flush(t, q)
	must(t, q.Put(Record{Space: "s", Key: "k"}))
	fs.free.Store(50)
	must(t, s.Append(seg(0, 1)))
	must(t, s.Commit(nil))
	must(t, q.Append(simple(3, 1)))
}

// TestFailure_StopsAcceptingAndDelivering: after one failed sync nothing is accepted, handed out or recorded any more, even though the
// disk would work again: a retried fsync after a failed one is not a success.
func TestFailure_StopsAcceptingAndDelivering(t *testing.T) {
	running := goleak.IgnoreCurrent()
	toggle := &errorfs.Toggle{Injector: errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo {
			return errorfs.ErrInjected
		}
		return nil
	})}
	var told []error
	q, err := Open("queue", Options{FS: errorfs.Wrap(vfs.NewMem(), toggle), Trouble: func(err error) { told = append(told, err) }})
	must(t, err)
	must(t, q.Append(simple(1, 3)))
	l := lease(t, q, 1)
	waits := make(chan error)
	go func() {
		_, err := q.Lease(context.Background(), "sms", 1)
		waits <- err
	}()
	ran := make(chan error)
	go func() { ran <- q.Run(context.Background()) }()
	toggle.On()
	check := func(act string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "injected") {
			t.Errorf("%s: %v", act, err)
		}
	}
	check("Append", q.Append(simple(2, 1)))
	toggle.Off()
	check("waiting Lease", <-waits)
	check("Run", <-ran)
	check("second Append", q.Append(simple(3, 1)))
	check("Record", q.Record(context.Background(), l, all(l, Sent)...))
	check("Put", q.Put(Record{Space: "s"}))
	check("SetControl", q.SetControl(id(1), Paused))
	_, err = q.Lease(context.Background(), "email", 1)
	check("Lease", err)
	_, err = q.Stage(simple(4, 1))
	check("Stage", err)
	if _, err := q.Batch(id(1)); err != nil {
		t.Errorf("asking fails: %v", err)
	}
	check("Close", q.Close())
	if len(told) != 1 {
		t.Errorf("Trouble was told %d times: %v", len(told), told)
	}
	if err := dismantle(q); err == nil {
		t.Error("Pebble closed its log as if nothing had been")
	}
	goleak.VerifyNone(t, running)
}

// dismantle ends the Pebble of a failed queue, which Close leaves as it is, so that tests can look for leaks.
func dismantle(q *Queue) error {
	defer q.store.files.Unref()
	defer q.store.cache.Unref()
	return errors.Join(q.store.db.Close(), q.store.lock.Close())
}

// TestOpen_RefusesDamage: a value that cannot be read is named, nothing is skipped.
func TestOpen_RefusesDamage(t *testing.T) {
	check := func(name string, damage func(*pebble.DB) error) {
		t.Helper()
		fs := vfs.NewMem()
		q := open(t, Options{FS: fs})
		must(t, q.Append(simple(1, 2)))
		l := lease(t, q, 1)
		record(t, q, l, all(l, Sent)...)
		flush(t, q)
		must(t, damage(q.store.db))
		must(t, q.Close())
		if _, err := Open("queue", Options{FS: fs}); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	check("header", func(db *pebble.DB) error {
		return db.Set(format.SegmentKey(format.Headers, 1), []byte("x"), pebble.Sync)
	})
	check("unknown format", func(db *pebble.DB) error {
		return db.Set(format.SegmentKey(format.Headers, 1), []byte{99}, pebble.Sync)
	})
	check("results", func(db *pebble.DB) error {
		return db.Set(format.ResultKey(1, 0), []byte{format.Version, 200}, pebble.Sync)
	})
	check("results of nobody", func(db *pebble.DB) error { return db.Set(format.ResultKey(7, 0), []byte{format.Version}, pebble.Sync) })
	check("head", func(db *pebble.DB) error { return db.Set(format.BatchKey(id(1), format.PartHead), nil, pebble.Sync) })
	check("no head", func(db *pebble.DB) error { return db.Delete(format.BatchKey(id(1), format.PartHead), pebble.Sync) })
	check("control", func(db *pebble.DB) error {
		return db.Set(format.BatchKey(id(1), format.PartControl), []byte{format.Version, 7}, pebble.Sync)
	})
	check("mark", func(db *pebble.DB) error { return db.Set(format.MarkLow(), []byte{1}, pebble.Sync) })
	check("mark of a sweep", func(db *pebble.DB) error { return db.Set(format.MarkFinished(), []byte{'Z'}, pebble.Sync) })
}

func TestLease_AMissingPayloadEndsDelivery(t *testing.T) {
	told := 0
	q, err := Open("queue", Options{FS: vfs.NewMem(), Trouble: func(error) { told++ }})
	must(t, err)
	must(t, q.Append(simple(1, 2)))
	must(t, q.store.db.Delete(format.SegmentKey(format.Payloads, 1), pebble.Sync))
	for range 2 {
		if _, err := q.Lease(context.Background(), "email", 1); !errors.Is(err, ErrNotFound) {
			t.Errorf("Lease: %v", err)
		}
	}
	if told != 1 {
		t.Errorf("Trouble was told %d times", told)
	}
	must(t, dismantle(q))
}

// TestQueue_ManyAtOnce: appenders, stages, workers that record, release and retry, pauses and questions at the same time; in the end every
// recipient was sent exactly once. Meant for the race detector. // README, P2
func TestQueue_ManyAtOnce(t *testing.T) {
	const writers, batches, recipients = 4, 25, 20
	q := open(t, Options{ResultDelay: time.Millisecond})
	stop := start(t, q)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var sent atomic.Int64
	var writing, working sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range batches {
				writeOne(t, q, w*batches+i, recipients)
			}
		})
	}
	for range 4 {
		working.Go(func() {
			for sent.Load() < writers*batches*recipients {
				sent.Add(workOne(t, ctx, q))
			}
			cancel()
		})
	}
	writing.Wait()
	working.Wait()
	stop()
	for n := range writers * batches {
		if got, want := counts(t, q, n), (Counts{Sent: recipients}); got != want {
			t.Errorf("batch %d: %v", n, got)
		}
	}
	if n := len(q.mu.segments) + len(q.mu.batches) + len(q.mu.making) + len(q.mu.dirty) + q.mu.unsynced; n != 0 {
		t.Errorf("memory keeps %d things of what is finished", n)
	}
}

func writeOne(t *testing.T, q *Queue, n, recipients int) {
	if n%2 == 0 {
		if err := q.Append(simple(n, recipients)); err != nil {
			t.Error(err)
		}
		_, _, err := q.Timeline(id(n), 0)
		if err := errors.Join(err, q.SetControl(id(n), Paused), q.SetControl(id(n), Running)); err != nil {
			t.Error(err)
		}
		return
	}
	s, err := q.Stage(Batch{ID: id(n), Tenant: "stream"})
	if err != nil {
		t.Error(err)
		return
	}
	half := recipients / 2
	if err := errors.Join(s.Append(seg(0, half)), s.Append(seg(uint32(half), recipients-half)), s.Commit(nil)); err != nil {
		t.Error(err)
	}
}

// workOne takes a lease and sends most of it, releases some and retries some at once; it returns how many it sent.
func workOne(t *testing.T, ctx context.Context, q *Queue) (sent int64) {
	l, err := q.Lease(ctx, "email", 7)
	if err != nil {
		return 0
	}
	for _, it := range l.Items {
		r := Result{Index: it.Index, State: Sent}
		switch {
		case it.Attempt == 0 && it.Index%5 == 1:
			r.State, r.RetryAt = Retrying, time.Now()
		case it.Index%7 == 3 && it.Attempt < 1 && len(l.Items) > 3:
			q.Release(l, it)
			continue
		default:
			sent++
		}
		if err := q.Record(ctx, l, r); err != nil {
			t.Error(err)
		}
	}
	return sent
}

// TestAppend_AllocatesNothingPerRecipient: ten times the recipients cost no more allocations.
func TestAppend_AllocatesNothingPerRecipient(t *testing.T) {
	q := open(t, Options{})
	serial := uint64(0)
	measure := func(recipients int) float64 {
		b := Batch{Tenant: "acme", Segments: []Segment{seg(0, recipients)}}
		b.Segments[0].Initial = make([]State, recipients)
		for i := range b.Segments[0].Initial {
			b.Segments[0].Initial[i] = Queued + State(i%3/2)*2
		}
		b.Segments[0].Payload = make([]byte, 60*recipients)
		return testing.AllocsPerRun(50, func() {
			serial++
			binary.BigEndian.PutUint64(b.ID[:], serial)
			must(t, q.Append(b))
		})
	}
	few, many := measure(100), measure(1000)
	t.Logf("%.0f allocations for 100 recipients, %.0f for 1,000", few, many)
	if many > few+10 || many > 60 {
		t.Errorf("%.0f allocations for 100 recipients, %.0f for 1,000", few, many)
	}
}

func TestAppend_OfManyWithTheSameIDOneWins(t *testing.T) {
	q := open(t, Options{})
	var won, lost atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			switch err := q.Append(simple(1, 2)); {
			case err == nil:
				won.Add(1)
			case errors.Is(err, ErrExists):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 || lost.Load() != 7 {
		t.Errorf("%d won, %d lost", won.Load(), lost.Load())
	}
	if got, want := counts(t, q, 1), (Counts{Queued: 2}); got != want {
		t.Errorf("counts %v, want %v", got, want)
	}
}

func TestMinFree_OfARealDisk(t *testing.T) {
	q, err := Open(t.TempDir(), Options{MinFree: 1})
	must(t, err)
	if free, err := q.store.free(); err != nil || free == 0 || free == ^uint64(0) {
		t.Errorf("free = %d, %v", free, err)
	}
	must(t, q.Append(simple(1, 1)))
	must(t, q.Close())
}
