package queue

import (
	"cmp"
	"errors"
	"fmt"

	"heed/gateway/internal/queue/format"
)

// Entry is one recipient as it stands on disk.
type Entry struct {
	Index   uint32 // in the batch
	State   State
	Payload []byte // of its segment; read-only, shared by the entries of a segment
	At      int    // position in Payload
	Last    Event  // the latest event
}

// scanSegments bounds how many segments one call of Recipients looks through.
const scanSegments = 256

// Recipients lists a batch's recipients in a state (0 = all) in order of index, from index `from` on, at most limit of them. next is where to go on, if
// there may be more: a call may return fewer than limit, even none, and say more, because it looks through 256 segments at most.
// It shows what is durable. Errors: ErrNotFound; ErrMisuse; a failure to read. Cost: one segment's payload and results at a time.
func (q *Queue) Recipients(id ID, s State, from uint32, limit int) (list []Entry, next uint32, more bool, err error) {
	if s != 0 && !s.Valid() || limit < 1 {
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
	o, err := v.outcome(sp.Number)
	if err != nil {
		return e, nil, err
	}
	e.Index, e.At = index, int(index-first)
	if events, err = v.timeline(&o, e.At); err != nil {
		return e, nil, err
	}
	e.Last = events[len(events)-1]
	e.State = e.Last.State
	e.Payload, err = v.payload(sp.Number)
	return e, events, err
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

func (p *page) add(first uint32, s format.Span) error {
	if p.scanned == scanSegments || len(p.list) == p.limit {
		p.next, p.more = max(first, p.from), true
		return errEnough
	}
	p.scanned++
	o, err := p.v.outcome(s.Number)
	if err != nil {
		return err
	}
	last := make([]format.RawEvent, o.Count)
	if err := format.EachEvent(o.Events, o.Count, func(e *format.RawEvent) { last[e.Index] = *e }); err != nil {
		return err
	}
	return p.choose(first, s, &o, last)
}

// choose adds the recipients of a segment that are asked for, last being their latest results.
func (p *page) choose(first uint32, s format.Span, o *format.Outcome, last []format.RawEvent) (err error) {
	var payload []byte
	for at := range last {
		index, state := first+uint32(at), cmp.Or(last[at].State, o.InitialState(at))
		if index < p.from || p.state != 0 && state != p.state {
			continue
		}
		if len(p.list) == p.limit {
			p.next, p.more = index, true
			return errEnough
		}
		if payload == nil {
			if payload, err = p.v.payload(s.Number); err != nil {
				return err
			}
		}
		p.list = append(p.list, Entry{Index: index, State: state, Payload: payload, At: at, Last: p.v.latest(o, at, &last[at])})
	}
	return nil
}

// latest is a recipient's latest event: its latest result, or its acceptance if it has none.
func (v *view) latest(o *format.Outcome, at int, result *format.RawEvent) Event {
	if result.State == 0 {
		return v.accepted(o, at)
	}
	return result.Event()
}
