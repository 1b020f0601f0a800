package queue

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"heed/gateway/internal/queue/format"
)

// acks is what the queue has acknowledged: what a crash or a failing disk may not take back.
type acks struct {
	sync.Mutex
	started map[ID]int              // recipients of batches that were begun
	batches map[ID]int              // of those that were acknowledged
	results map[ID]map[uint32]State // flushed
	records map[string]string
	control map[ID]Control
	mayGo   map[ID]bool // retention may have dropped it
}

func newAcks() *acks {
	return &acks{started: map[ID]int{}, batches: map[ID]int{}, results: map[ID]map[uint32]State{}, records: map[string]string{},
		control: map[ID]Control{}, mayGo: map[ID]bool{}}
}

func (a *acks) note(fn func()) {
	a.Lock()
	defer a.Unlock()
	fn()
}

func (a *acks) clone() *acks {
	a.Lock()
	defer a.Unlock()
	c := newAcks()
	maps.Copy(c.started, a.started)
	maps.Copy(c.batches, a.batches)
	for id, m := range a.results {
		c.results[id] = maps.Clone(m)
	}
	maps.Copy(c.records, a.records)
	maps.Copy(c.control, a.control)
	maps.Copy(c.mayGo, a.mayGo)
	return c
}

// history plays the whole life of a queue against a file system and stops at the first error.
type history struct {
	fs   vfs.FS
	now  time.Time
	acks *acks
	q    *Queue
}

var beginning = time.Unix(1_800_000_000, 0)

const padding = 40 << 10 // of a payload: some of them fill Pebble's first memtable, and its files and logs turn over

func (h *history) options() Options {
	return Options{FS: h.fs, Now: func() time.Time { return h.now }, Retention: time.Hour,
		Trouble: func(err error) { fmt.Fprintln(os.Stderr, "trouble:", err) }}
}

// play opens, fills, drains, sweeps, closes and reopens a queue.
func (h *history) play() error {
	h.now = beginning
	for round := range 2 {
		var err error
		if h.q, err = Open("queue", h.options()); err != nil {
			return err
		}
		for _, step := range []func(int) error{h.append, h.stage, h.append, h.leave, h.put, h.work, h.pause, h.work, h.sweep} {
			if err := step(round); err != nil {
				return errors.Join(err, h.q.Close())
			}
		}
		if err := h.q.Close(); err != nil {
			return err
		}
	}
	return nil
}

func (h *history) begin(count int) ID {
	h.acks.Lock()
	defer h.acks.Unlock()
	n := id(len(h.acks.started))
	h.acks.started[n] = count
	return n
}

func padded(first uint32, count int) Segment {
	s := seg(first, count)
	s.Payload = append(s.Payload, bytes.Repeat([]byte{'x'}, padding)...)
	return s
}

func (h *history) append(round int) error {
	for i := range 3 {
		n := h.begin(5)
		first := padded(0, 3)
		first.Initial = []State{Queued, Suppressed, Queued}
		key := fmt.Sprint("answer ", round, i, n)
		err := h.q.Append(Batch{ID: n, Tenant: "acme", Segments: []Segment{first, padded(3, 2)},
			Records: []Record{{Space: "idem", Key: key, Value: n[:]}}})
		if err != nil {
			return err
		}
		h.acks.note(func() { h.acks.batches[n], h.acks.records["idem\x00"+key] = 5, string(n[:]) })
	}
	return nil
}

func (h *history) stage(int) error {
	n := h.begin(6)
	s, err := h.q.Stage(Batch{ID: n, Tenant: "stream"})
	if err != nil {
		return err
	}
	for i := range 3 {
		if err := s.Append(padded(uint32(i*2), 2)); err != nil {
			s.Abort()
			return err
		}
	}
	if err := s.Commit([]byte("head")); err != nil {
		return err
	}
	h.acks.note(func() { h.acks.batches[n] = 6 })
	return nil
}

// leave begins two stages that are never committed: one is aborted, one is forgotten.
func (h *history) leave(int) error {
	for _, abort := range []bool{true, false} {
		n := h.begin(4)
		s, err := h.q.Stage(Batch{ID: n, Segments: []Segment{padded(0, 2)}})
		if err != nil {
			return err
		}
		if err := s.Append(padded(2, 2)); err != nil {
			return err
		}
		if abort {
			s.Abort()
		}
	}
	return nil
}

func (h *history) put(round int) error {
	key := fmt.Sprint("k", round)
	if err := h.q.Put(Record{Space: "keys", Key: key, Value: []byte("v")}); err != nil {
		return err
	}
	h.acks.note(func() { h.acks.records["keys\x00"+key] = "v" })
	return nil
}

// work leases, records and flushes; every third recipient is retried later.
func (h *history) work(int) error {
	done := map[ID]map[uint32]State{}
	for range 5 {
		h.q.mu.Lock()
		l := h.q.take("email", 2)
		h.q.mu.Unlock()
		if l == nil {
			break
		}
		if err := h.q.attach(l); err != nil {
			return err
		}
		for _, it := range l.Items {
			r := Result{Index: it.Index, State: Sent, Detail: "ok"}
			index := l.First + uint32(it.Index)
			if index%3 == 2 && it.Attempt == 0 {
				r.State, r.RetryAt = Retrying, h.now.Add(time.Minute)
			}
			if err := h.q.Record(context.Background(), l, r); err != nil {
				return err
			}
			if done[l.Batch] == nil {
				done[l.Batch] = map[uint32]State{}
			}
			done[l.Batch][index] = r.State
		}
	}
	if err := h.q.Flush(context.Background()); err != nil {
		return err
	}
	h.acks.note(func() {
		for id, m := range done {
			if h.acks.results[id] == nil {
				h.acks.results[id] = map[uint32]State{}
			}
			maps.Copy(h.acks.results[id], m)
		}
	})
	h.now = h.now.Add(2 * time.Minute)
	return nil
}

func (h *history) pause(round int) error {
	n := id(round)
	if err := h.q.SetControl(n, Paused); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	} else if err == nil {
		h.acks.note(func() { h.acks.control[n] = Paused })
	}
	return nil
}

func (h *history) sweep(int) error {
	h.acks.note(func() {
		for id := range h.acks.started {
			h.acks.mayGo[id] = true
		}
	})
	h.now = h.now.Add(2 * time.Hour)
	return h.q.sweepOnce(context.Background())
}

// verify opens what a crash has left and compares it with what was acknowledged.
func (a *acks) verify(fs vfs.FS) (err error) {
	q, err := Open("queue", Options{FS: fs, Now: func() time.Time { return beginning.Add(24 * time.Hour) }})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	for id, count := range a.started {
		if err := a.verifyBatch(q, id, count); err != nil {
			return fmt.Errorf("batch %x: %w", id, err)
		}
	}
	for name, value := range a.records {
		space, key, _ := bytes.Cut([]byte(name), []byte{0})
		if v, err := q.Get(string(space), string(key)); err != nil || string(v) != value {
			return fmt.Errorf("record %q = %q, %w", name, v, err)
		}
	}
	return errors.Join(verifySpaces(q), verifyLeases(q))
}

func (a *acks) verifyBatch(q *Queue, id ID, count int) error {
	i, err := q.Batch(id)
	if errors.Is(err, ErrNotFound) && (a.batches[id] == 0 || a.mayGo[id]) {
		return nil
	}
	if err != nil {
		return err
	}
	if a.control[id] != i.Control && a.control[id] != Running {
		return fmt.Errorf("control %d, acknowledged %d", i.Control, a.control[id])
	}
	var sum Counts
	for index := range uint32(count) {
		e, events, err := q.Timeline(id, index)
		if err != nil {
			return fmt.Errorf("recipient %d: %w", index, err)
		}
		if want := a.results[id][index]; want != 0 && want != e.State && !(want == Retrying && len(events) > 2) {
			return fmt.Errorf("recipient %d is %v, acknowledged %v", index, e.State, want)
		}
		if len(e.Payload) < padding {
			return fmt.Errorf("recipient %d: payload of %d bytes", index, len(e.Payload))
		}
		sum[e.State]++
	}
	if sum != i.Counts {
		return fmt.Errorf("counts %v, recipients say %v", i.Counts, sum)
	}
	return nil
}

// verifySpaces checks that what lies in the store belongs together and nothing is left over.
func verifySpaces(q *Queue) error {
	have := map[format.Space]map[uint64]bool{format.Payloads: {}, format.Headers: {}, format.Outcomes: {}, format.Results: {}}
	published, indexed := map[ID]bool{}, map[uint64]bool{}
	err := scan(q.store.db, []byte{'A'}, []byte{'Z'}, func(k, v []byte) (bool, error) {
		switch space := format.Space(k[0]); space {
		case format.Payloads, format.Headers, format.Outcomes, format.Results:
			have[space][binary.BigEndian.Uint64(k[1:])] = true
		case format.Stages:
			return false, fmt.Errorf("stage %x left over", k[1:])
		case format.Batches:
			id, part, _, err := format.ParseBatchKey(k)
			if part == format.PartHead {
				published[id] = true
			}
			if err != nil || !published[id] && part != format.PartControl {
				return false, fmt.Errorf("batch %x lacks its head: %w", id, err)
			}
			if part == format.PartIndex {
				s, err := format.DecodeSpan(v)
				indexed[s.Number] = true
				return true, err
			}
		}
		return true, nil
	})
	if err != nil || !maps.Equal(indexed, have[format.Payloads]) {
		return errors.Join(err, fmt.Errorf("payloads %v, indexed %v", have[format.Payloads], indexed))
	}
	for n := range indexed {
		if have[format.Headers][n] == have[format.Outcomes][n] {
			return fmt.Errorf("segment %d: header %v, outcome %v", n, have[format.Headers][n], have[format.Outcomes][n])
		}
	}
	for n := range have[format.Results] {
		if !have[format.Headers][n] {
			return fmt.Errorf("results without segment %d", n)
		}
	}
	return nil
}

// verifyLeases drains the queue: every open recipient of a batch that runs comes out once, and can be recorded.
func verifyLeases(q *Queue) error {
	want := uint64(0)
	for id := range maps.Clone(q.mu.batches) {
		if i, err := q.Batch(id); err != nil {
			return err
		} else if i.Control == Running {
			want += i.Counts[Queued] + i.Counts[Retrying]
		}
	}
	got := uint64(0)
	far := q.o.Now().Add(time.Hour)
	q.o.Now = func() time.Time { return far }
	for {
		q.mu.Lock()
		l := q.take("email", 100)
		q.mu.Unlock()
		if l == nil {
			break
		}
		got += uint64(len(l.Items))
		if err := errors.Join(q.attach(l), q.Record(context.Background(), l, all(l, Sent)...)); err != nil {
			return err
		}
	}
	if got != want {
		return fmt.Errorf("%d recipients handed out, %d are open", got, want)
	}
	return q.Flush(context.Background())
}
