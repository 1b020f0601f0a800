package queue

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"heed/gateway/internal/queue/format"
)

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
	h, err := readInfo(v.snap, id)
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
func (v *view) eachSegment(from uint32, fn func(first uint32, s format.Span) error) (err error) {
	_, upper := format.BatchBounds(v.id)
	it, err := v.snap.NewIter(&pebble.IterOptions{LowerBound: format.BatchKey(v.id, format.PartIndex), UpperBound: upper})
	if err != nil {
		return fmt.Errorf("queue: read: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	ok := it.SeekLT(format.After(format.IndexKey(v.id, from)))
	if !ok {
		ok = it.First()
	}
	for ; ok; ok = it.Next() {
		_, _, first, err := format.ParseBatchKey(it.Key())
		if err != nil {
			return err
		}
		s, err := spanAt(it)
		if err != nil {
			return err
		}
		if uint64(first)+uint64(s.Count) <= uint64(from) {
			continue
		}
		if err := fn(first, s); err != nil {
			return err
		}
	}
	return it.Error()
}

// segmentOf finds the segment that holds an index.
func (v *view) segmentOf(index uint32) (first uint32, s format.Span, err error) {
	err = v.eachSegment(index, func(f uint32, sp format.Span) error {
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
func (v *view) outcome(number uint64) (format.Outcome, error) {
	b, err := v.q.store.get(v.snap, format.SegmentKey(format.Outcomes, number))
	if errors.Is(err, ErrNotFound) {
		return v.q.readLive(v.snap, number)
	}
	if err != nil {
		return format.Outcome{}, err
	}
	return format.DecodeOutcome(b)
}

func (v *view) payload(number uint64) ([]byte, error) {
	return v.q.store.get(v.snap, format.SegmentKey(format.Payloads, number))
}

// accepted is the first event of a recipient.
func (v *view) accepted(o *format.Outcome, at int) Event {
	return Event{At: v.created, State: o.InitialState(at)}
}

func (v *view) timeline(o *format.Outcome, at int) ([]Event, error) {
	events := []Event{v.accepted(o, at)}
	err := format.EachEvent(o.Events, o.Count, func(e *format.RawEvent) {
		if e.Index == at {
			events = append(events, e.Event())
		}
	})
	return events, err
}

// readLive reads what disk holds of a live segment: its header and groups, as an outcome to be.
func (q *Queue) readLive(r pebble.Reader, number uint64) (o format.Outcome, err error) {
	v, err := q.store.get(r, format.SegmentKey(format.Headers, number))
	if err != nil {
		return o, err
	}
	h, err := format.DecodeHeader(v)
	if err != nil {
		return o, err
	}
	o = format.Outcome{Count: h.Count, Initial: h.Initial}
	err = scan(r, format.ResultKey(number, 0), format.SegmentKey(format.Results, number+1), func(_, v []byte) (bool, error) {
		events, err := format.GroupEvents(v)
		o.Events = append(o.Events, events...)
		return true, err
	})
	return o, err
}
