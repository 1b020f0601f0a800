package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"heed/gateway/internal/queue/format"
)

// twin is the queue as plain maps.
type twin struct {
	batches map[ID]*twinBatch
	order   []ID
}

type twinBatch struct {
	control    Control
	recipients []*twinRecipient
}

type twinRecipient struct {
	lane     string
	due      time.Time // of its segment
	expires  time.Time
	payload  string
	at       int
	events   []Event
	inHand   bool
	released bool // a retry that was given back: due at once
}

func (r *twinRecipient) state() State { return r.events[len(r.events)-1].State }

func (r *twinRecipient) tries() (n int) {
	for _, e := range r.events {
		if e.State == Sent || e.State == Failed || e.State == Retrying {
			n++
		}
	}
	return n
}

// leasable says whether a recipient may be handed out.
func (b *twinBatch) leasable(r *twinRecipient, now time.Time) bool {
	switch {
	case r.state().Final() || r.inHand || b.control == Paused:
		return false
	case b.control == Stopped || !r.expires.IsZero() && !now.Before(r.expires):
		return true
	case r.state() == Retrying:
		return r.released || !now.Before(r.events[len(r.events)-1].RetryAt)
	}
	return !now.Before(r.due)
}

func (b *twinBatch) counts() (c Counts) {
	for _, r := range b.recipients {
		c[r.state()]++
	}
	return c
}

// machine drives a queue and its twin side by side.
type machine struct {
	fs     *vfs.MemFS
	q      *Queue
	twin   twin
	now    time.Time
	leases []*Lease
	stage  *Stage
	staged *twinBatch
	stageN ID
	serial int
}

func (m *machine) open(t *rapid.T) {
	q, err := Open("queue", Options{FS: m.fs, Now: func() time.Time { return m.now }})
	if err != nil {
		t.Fatal(err)
	}
	m.q = q
}

func ok(t *rapid.T, err error) {
	if err != nil {
		t.Fatalf("%+v", err)
	}
}

// segment draws a segment and adds its recipients to a twin.
func (m *machine) segment(t *rapid.T, b *twinBatch) Segment {
	m.serial++
	s := Segment{
		First:    uint32(len(b.recipients)),
		Count:    rapid.IntRange(1, 5).Draw(t, "count"),
		Lane:     rapid.SampledFrom([]string{"email", "sms"}).Draw(t, "lane"),
		Priority: rapid.Uint8Range(0, 2).Draw(t, "priority"),
		Due:      m.now.Add(time.Duration(rapid.IntRange(-5, 20).Draw(t, "due in")) * time.Second),
		Payload:  fmt.Appendf(nil, "payload %d", m.serial),
	}
	if rapid.IntRange(0, 3).Draw(t, "expires") == 0 {
		s.Expires = m.now.Add(time.Duration(rapid.IntRange(1, 60).Draw(t, "expires in")) * time.Second)
	}
	states := slices.Repeat([]State{Queued}, s.Count)
	if rapid.Bool().Draw(t, "decided") {
		for i := range states {
			states[i] = rapid.SampledFrom([]State{Queued, Queued, Suppressed, Invalid, Duplicate}).Draw(t, "initial")
		}
		s.Initial = states
	}
	for i, st := range states {
		b.recipients = append(b.recipients, &twinRecipient{lane: s.Lane, due: s.Due, expires: s.Expires, payload: string(s.Payload), at: i,
			events: []Event{{At: m.now, State: st}}})
	}
	return s
}

func (m *machine) newID() ID {
	m.serial++
	return id(m.serial)
}

func (m *machine) append(t *rapid.T) {
	n, b := m.newID(), &twinBatch{}
	batch := Batch{ID: n, Tenant: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "tenant"), Created: m.now}
	for range rapid.IntRange(1, 3).Draw(t, "segments") {
		batch.Segments = append(batch.Segments, m.segment(t, b))
	}
	ok(t, m.q.Append(batch))
	m.publish(n, b)
}

func (m *machine) publish(n ID, b *twinBatch) {
	m.twin.batches[n] = b
	m.twin.order = append(m.twin.order, n)
}

// stageStep begins a stage, or goes on with it, or ends it.
func (m *machine) stageStep(t *rapid.T) {
	if m.stage == nil {
		m.stageN, m.staged = m.newID(), &twinBatch{}
		s, err := m.q.Stage(Batch{ID: m.stageN, Tenant: "s", Created: m.now})
		ok(t, err)
		m.stage = s
		return
	}
	switch rapid.IntRange(0, 3).Draw(t, "stage step") {
	case 0:
		m.stage.Abort()
		m.stage = nil
	case 1:
		ok(t, m.stage.Commit(nil))
		for _, r := range m.staged.recipients { // accepted when the batch was
			r.events[0].At = format.Time(m.stage.b.Created)
		}
		m.publish(m.stageN, m.staged)
		m.stage = nil
	default:
		ok(t, m.stage.Append(m.segment(t, m.staged)))
	}
}

func (m *machine) lease(t *rapid.T) {
	lane := rapid.SampledFrom([]string{"email", "sms"}).Draw(t, "lane")
	max := rapid.IntRange(1, 6).Draw(t, "max")
	m.q.mu.Lock()
	l := m.q.take(lane, max)
	m.q.mu.Unlock()
	if l == nil {
		if n := m.leasable(lane); n > 0 {
			t.Fatalf("nothing handed out while %d recipients of lane %s may be", n, lane)
		}
		return
	}
	ok(t, m.q.attach(l))
	if len(l.Items) == 0 || len(l.Items) > max {
		t.Fatalf("a lease of %d items, asked for %d", len(l.Items), max)
	}
	b := m.twin.batches[l.Batch]
	for _, it := range l.Items {
		r := b.recipients[int(l.First)+it.Index]
		if !b.leasable(r, m.now) || r.lane != lane {
			t.Fatalf("recipient %d of %x may not be handed out: %+v", int(l.First)+it.Index, l.Batch, r)
		}
		if r.payload != string(l.Payload) || r.at != it.Index || r.tries() != it.Attempt || l.Cancelled != (b.control == Stopped) || !l.Expires.Equal(r.expires) {
			t.Fatalf("lease %+v item %+v, twin %+v", l, it, r)
		}
		r.inHand, r.released = true, false
	}
	m.leases = append(m.leases, l)
}

func (m *machine) leasable(lane string) (n int) {
	for _, b := range m.twin.batches {
		for _, r := range b.recipients {
			if r.lane == lane && b.leasable(r, m.now) {
				n++
			}
		}
	}
	return n
}

// inHand draws a lease and some of the items still in it.
func (m *machine) inHand(t *rapid.T) (*Lease, []Item) {
	if len(m.leases) == 0 {
		t.Skip("nothing in hand")
	}
	at := rapid.IntRange(0, len(m.leases)-1).Draw(t, "lease")
	l := m.leases[at]
	n := rapid.IntRange(1, len(l.Items)).Draw(t, "items")
	items := l.Items[:n]
	rest := *l
	rest.Items, rest.held = l.Items[n:], l.held[n:]
	if len(rest.Items) == 0 {
		m.leases = slices.Delete(m.leases, at, at+1)
	} else {
		m.leases[at] = &rest
	}
	return l, items
}

func (m *machine) record(t *rapid.T) {
	l, items := m.inHand(t)
	var results []Result
	for _, it := range items {
		res := Result{Index: it.Index, State: rapid.SampledFrom([]State{Sent, Failed, Suppressed, Expired, Cancelled, Retrying, Retrying}).Draw(t, "state"),
			Code: rapid.SampledFrom([]string{"", "250", "4.2.1"}).Draw(t, "code"), Detail: "d", ProviderID: "p"}
		if res.State == Retrying {
			res.RetryAt = m.now.Add(time.Duration(rapid.IntRange(-1, 30).Draw(t, "retry in")) * time.Second)
		}
		results = append(results, res)
		r := m.twin.batches[l.Batch].recipients[int(l.First)+it.Index]
		e := Event{At: m.now, State: res.State, Code: res.Code, Detail: "d", ProviderID: "p", RetryAt: res.RetryAt, Attempt: r.tries()}
		if res.State == Sent || res.State == Failed || res.State == Retrying {
			e.Attempt++
		}
		r.events = append(r.events, e)
		r.inHand = false
	}
	ok(t, m.q.Record(context.Background(), l, results...))
}

func (m *machine) release(t *rapid.T) {
	l, items := m.inHand(t)
	m.q.Release(l, items...)
	for _, it := range items {
		r := m.twin.batches[l.Batch].recipients[int(l.First)+it.Index]
		r.inHand, r.released = false, true
	}
}

func (m *machine) control(t *rapid.T) {
	if len(m.twin.order) == 0 {
		t.Skip("no batch")
	}
	n := rapid.SampledFrom(m.twin.order).Draw(t, "batch")
	c := rapid.SampledFrom([]Control{Running, Running, Paused, Stopped}).Draw(t, "control")
	b := m.twin.batches[n]
	err := m.q.SetControl(n, c)
	if b.control == Stopped && c != Stopped {
		if !errors.Is(err, ErrStopped) {
			t.Fatalf("cancelled batch: %v", err)
		}
		return
	}
	ok(t, err)
	b.control = c
}

// reopen closes the queue, or takes its disk as a loss of power right after a flush leaves it. Leases and the stage are gone then.
func (m *machine) reopen(t *rapid.T) {
	ok(t, m.q.Flush(context.Background()))
	if rapid.Bool().Draw(t, "crash") {
		old := m.q
		m.fs = m.fs.CrashClone(vfs.CrashCloneCfg{})
		ok(t, old.Close())
	} else {
		ok(t, m.q.Close())
	}
	m.leases, m.stage = nil, nil
	for _, b := range m.twin.batches {
		for _, r := range b.recipients {
			r.released = false // a retry is due at its own time again
			r.inHand = false
		}
	}
	m.open(t)
}

// check compares what both say of everything.
func (m *machine) check(t *rapid.T) {
	depth := map[string]Counts{}
	for n, b := range m.twin.batches {
		i, err := m.q.Batch(n)
		ok(t, err)
		if want := b.counts(); i.Counts != want || i.Control != b.control {
			t.Fatalf("batch %x: counts %v control %d, twin %v %d", n, i.Counts, i.Control, want, b.control)
		}
		for _, r := range b.recipients {
			if s := r.state(); !s.Final() {
				c := depth[r.lane]
				c[s]++
				depth[r.lane] = c
			}
		}
	}
	for lane, got := range m.q.Depth() {
		if got != depth[lane] {
			t.Fatalf("depth of %s: %v, twin %v", lane, got, depth[lane])
		}
	}
}

func (m *machine) lookup(t *rapid.T) {
	if len(m.twin.order) == 0 {
		t.Skip("no batch")
	}
	ok(t, m.q.Flush(context.Background()))
	n := rapid.SampledFrom(m.twin.order).Draw(t, "batch")
	b := m.twin.batches[n]
	s := rapid.SampledFrom([]State{0, Queued, Retrying, Sent}).Draw(t, "state")
	limit := rapid.IntRange(1, 7).Draw(t, "limit")
	var got []Entry
	for from, more := uint32(0), true; more; {
		list, next, again, err := m.q.Recipients(n, s, from, limit)
		ok(t, err)
		got, from, more = append(got, list...), next, again
	}
	for index, r := range b.recipients {
		if s != 0 && r.state() != s {
			continue
		}
		if len(got) == 0 {
			t.Fatalf("recipient %d is missing", index)
		}
		m.compare(t, n, uint32(index), r, got[0])
		got = got[1:]
	}
	if len(got) > 0 {
		t.Fatalf("%d recipients too many", len(got))
	}
}

// compare holds an entry and its timeline against the twin.
func (m *machine) compare(t *rapid.T, n ID, index uint32, r *twinRecipient, listed Entry) {
	e, events, err := m.q.Timeline(n, index)
	ok(t, err)
	same := func(a, b Event) bool {
		at, retry := a.At.Equal(b.At), a.RetryAt.Equal(b.RetryAt)
		a.At, a.RetryAt, b.At, b.RetryAt = time.Time{}, time.Time{}, time.Time{}, time.Time{}
		return at && retry && a == b
	}
	if !slices.EqualFunc(events, r.events, same) {
		t.Fatalf("timeline %+v, twin %+v", events, r.events)
	}
	for _, e := range []Entry{e, listed} {
		if e.Index != index || e.State != r.state() || string(e.Payload) != r.payload || e.At != r.at || !same(e.Last, events[len(events)-1]) {
			t.Fatalf("entry %+v, twin %+v", e, r)
		}
	}
}

// TestQueue_AgainstItsTwin plays random histories, reopened and crashed, and compares everything that can be asked.
func TestQueue_AgainstItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{fs: vfs.NewCrashableMem(), now: time.UnixMilli(1_800_000_000_000).UTC(), twin: twin{batches: map[ID]*twinBatch{}}}
		m.open(t)
		defer func() { ok(t, m.q.Close()) }()
		t.Repeat(map[string]func(*rapid.T){
			"append":  m.append,
			"stage":   m.stageStep,
			"lease":   m.lease,
			"lease2":  m.lease,
			"record":  m.record,
			"record2": m.record,
			"release": m.release,
			"control": m.control,
			"reopen":  m.reopen,
			"lookup":  m.lookup,
			"time": func(t *rapid.T) {
				m.now = m.now.Add(time.Duration(rapid.IntRange(1, 10_000).Draw(t, "ms")) * time.Millisecond)
			},
			"flush": func(t *rapid.T) { ok(t, m.q.Flush(context.Background())) },
			"":      m.check,
		})
	})
}
