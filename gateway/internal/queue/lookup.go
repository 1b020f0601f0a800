package queue

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Entry is one recipient as it stands on disk.
type Entry struct {
	Index   uint32 // in the batch
	State   State
	Payload []byte // of its segment; read-only, shared by the entries of a segment
	At      int    // position in Payload
	Last    Event  // the latest event
}

// Event is one line of a recipient's timeline.
type Event struct {
	At         time.Time // to the millisecond
	State      State
	Attempt    int // how many tries there were with this one; 0 for acceptance
	Code       string
	Detail     string
	ProviderID string
	RetryAt    time.Time
}

// scanSegments bounds how many segments one call of Recipients looks through.
const scanSegments = 256

// Recipients lists a batch's recipients in a state (0 = all) in order of index, from index `from` on, at most limit of them. next is where to go on, if
// there may be more: a call may return fewer than limit, even none, and say more, because it looks through 256 segments at most.
// It shows what is durable. Errors: ErrNotFound; ErrMisuse; a failure to read. Cost: one segment's payload and results at a time.
func (q *Queue) Recipients(id ID, s State, from uint32, limit int) (list []Entry, next uint32, more bool, err error) {
	if s >= states || limit < 1 {
		return nil, 0, false, fmt.Errorf("%w: state %d, limit %d", ErrMisuse, s, limit)
	}
	v, err := q.view(id)
	if err != nil {
		return nil, 0, false, err
	}
	defer v.close(&err)
	p := page{v: v, state: s, from: from, limit: limit}
	if err := v.eachSegment(from, p.add); err != nil && !errors.Is(err, errEnough) {
		return nil, 0, false, err
	}
	return p.list, p.next, p.more, nil
}

// Timeline tells everything of one recipient, oldest first, its acceptance included. It shows what is durable.
// Errors: ErrNotFound, or a failure to read.
func (q *Queue) Timeline(id ID, index uint32) (e Entry, events []Event, err error) {
	v, err := q.view(id)
	if err != nil {
		return e, nil, err
	}
	defer v.close(&err)
	first, sp, err := v.segmentOf(index)
	if err != nil {
		return e, nil, err
	}
	o, err := v.outcome(sp.number)
	if err != nil {
		return e, nil, err
	}
	e.Index, e.At = index, int(index-first)
	if events, err = v.timeline(&o, e.At); err != nil {
		return e, nil, err
	}
	e.Last = events[len(events)-1]
	e.State = e.Last.State
	e.Payload, err = v.payload(sp.number)
	return e, events, err
}

// errEnough ends a scan.
var errEnough = errors.New("queue: enough")

// view is a batch at one instant.
type view struct {
	q       *Queue
	snap    *pebble.Snapshot
	id      ID
	created time.Time
}

// view opens a batch for reading. Every view must be closed.
func (q *Queue) view(id ID) (*view, error) {
	if err := q.enter(); err != nil {
		return nil, err
	}
	v := &view{q: q, snap: q.store.db.NewSnapshot(), id: id}
	h, err := q.readInfo(v.snap, id)
	if err != nil {
		v.close(&err)
		return nil, err
	}
	v.created = h.Created
	return v, nil
}

func (v *view) close(err *error) {
	*err = cmp.Or(*err, v.snap.Close())
	v.q.exit()
}

// eachSegment calls fn with the batch's segments, beginning with the one that holds index from, until fn errs.
func (v *view) eachSegment(from uint32, fn func(first uint32, s span) error) (err error) {
	_, upper := batchBounds(v.id)
	it, err := v.snap.NewIter(&pebble.IterOptions{LowerBound: batchKey(v.id, partIndex), UpperBound: upper})
	if err != nil {
		return fmt.Errorf("queue: read: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	ok := it.SeekLT(after(indexKey(v.id, from)))
	if !ok {
		ok = it.First()
	}
	for ; ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("queue: read: %w", err)
		}
		s, err := decodeSpan(value)
		if err != nil {
			return err
		}
		first := binary.BigEndian.Uint32(it.Key()[len(it.Key())-4:])
		if uint64(first)+uint64(s.count) <= uint64(from) {
			continue
		}
		if err := fn(first, s); err != nil {
			return err
		}
	}
	return it.Error()
}

// segmentOf finds the segment that holds an index.
func (v *view) segmentOf(index uint32) (first uint32, s span, err error) {
	err = v.eachSegment(index, func(f uint32, sp span) error {
		first, s = f, sp
		return errEnough
	})
	if err == nil || errors.Is(err, errEnough) && first > index {
		return 0, s, ErrNotFound
	}
	if errors.Is(err, errEnough) {
		err = nil
	}
	return first, s, err
}

// outcome reads what became of a segment so far, finished or not.
func (v *view) outcome(number uint64) (outcome, error) {
	b, err := v.q.store.get(v.snap, segmentKey(spaceOutcome, number))
	if errors.Is(err, ErrNotFound) {
		return v.q.readLive(v.snap, number)
	}
	if err != nil {
		return outcome{}, err
	}
	return decodeOutcome(b)
}

func (v *view) payload(number uint64) ([]byte, error) {
	return v.q.store.get(v.snap, segmentKey(spacePayload, number))
}

// accepted is the first event of a recipient.
func (v *view) accepted(o *outcome, at int) Event {
	e := Event{At: v.created, State: Queued}
	if o.initial != nil {
		e.State = o.initial[at]
	}
	return e
}

func (v *view) timeline(o *outcome, at int) ([]Event, error) {
	events := []Event{v.accepted(o, at)}
	err := eachEvent(o.events, o.count, func(e *rawEvent) {
		if e.index == at {
			events = append(events, e.event())
		}
	})
	return events, err
}

// page gathers the answer of Recipients.
type page struct {
	v       *view
	state   State
	from    uint32
	limit   int
	scanned int
	list    []Entry
	next    uint32
	more    bool
}

func (p *page) add(first uint32, s span) error {
	if p.scanned == scanSegments || len(p.list) == p.limit {
		p.next, p.more = max(first, p.from), true
		return errEnough
	}
	p.scanned++
	o, err := p.v.outcome(s.number)
	if err != nil {
		return err
	}
	last := make([]rawEvent, o.count)
	if err := eachEvent(o.events, o.count, func(e *rawEvent) { last[e.index] = *e }); err != nil {
		return err
	}
	return p.choose(first, s, &o, last)
}

// choose adds the recipients of a segment that are asked for, last being their latest results.
func (p *page) choose(first uint32, s span, o *outcome, last []rawEvent) error {
	var payload []byte
	for at := range last {
		index := first + uint32(at)
		e := p.v.accepted(o, at)
		if last[at].state != 0 {
			e.State = last[at].state
		}
		if index < p.from || p.state != 0 && e.State != p.state {
			continue
		}
		if len(p.list) == p.limit {
			p.next, p.more = index, true
			return errEnough
		}
		if last[at].state != 0 {
			e = last[at].event()
		}
		var err error
		if payload == nil {
			if payload, err = p.v.payload(s.number); err != nil {
				return err
			}
		}
		p.list = append(p.list, Entry{Index: index, State: e.State, Payload: payload, At: at, Last: e})
	}
	return nil
}
