package queue

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"heed/gateway/internal/queue/format"
	"heed/gateway/internal/queue/live"
)

// load brings memory to where the store is.
func (q *Queue) load() error {
	for _, step := range []func() error{q.loadMarks, q.clearStages, q.loadNext, q.loadSegments, q.loadResults} {
		if err := step(); err != nil {
			return err
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	for _, s := range q.mu.segments {
		s.Owner.Counts.Add(s.Tally())
		q.countOpen(s)
		q.file(s, now)
	}
	q.lowerMark()
	return nil
}

func (q *Queue) loadMarks() error {
	low, err := q.store.get(q.store.db, format.MarkLow())
	if err == nil {
		q.mu.low, err = format.DecodeLow(low)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if q.swept.done, err = q.mark(format.MarkFinished(), format.Finished); err != nil {
		return err
	}
	q.swept.expired, err = q.mark(format.MarkExpired(), format.Expiries)
	return err
}

// mark is the key from which on a space of time is scanned.
func (q *Queue) mark(name []byte, space format.Space) ([]byte, error) {
	k, err := q.store.get(q.store.db, name)
	if errors.Is(err, ErrNotFound) {
		return space.Start(), nil
	}
	if err == nil && (len(k) == 0 || format.Space(k[0]) != space) {
		err = fmt.Errorf("%w: mark", format.ErrDamaged)
	}
	return k, err
}

// loadNext finds the number of the next segment: past the last payload. What was dropped left nothing behind, so its numbers may come again.
func (q *Queue) loadNext() error {
	q.mu.next = max(1, q.mu.low)
	it, err := q.store.db.NewIter(&pebble.IterOptions{LowerBound: format.Payloads.Start(), UpperBound: format.Payloads.End()})
	if err != nil {
		return err
	}
	if it.Last() {
		var last uint64
		last, err = format.ParseSegmentKey(it.Key())
		q.mu.next = max(q.mu.next, last+1)
	}
	return errors.Join(err, it.Error(), it.Close())
}

// numbered is the header of a live segment and the segment's number.
type numbered struct {
	format.Header
	number uint64
}

func (q *Queue) loadSegments() error {
	headers, err := q.readHeaders()
	if err != nil {
		return err
	}
	if err := q.loadBatches(headers); err != nil {
		return err
	}
	for i := range headers {
		h := &headers[i]
		b := q.mu.batches[h.Batch]
		s := live.NewSegment(b, h.number, &h.Header)
		q.mu.segments[s.Order] = s
		b.Adopt(s)
	}
	return nil
}

func (q *Queue) readHeaders() (list []numbered, err error) {
	err = scan(q.store.db, format.SegmentKey(format.Headers, q.mu.low), format.Headers.End(), func(k, v []byte) (bool, error) {
		number, err := format.ParseSegmentKey(k)
		if err != nil {
			return false, err
		}
		h, err := format.DecodeHeader(v)
		list = append(list, numbered{h, number})
		return true, err
	})
	return list, err
}

// loadBatches reads the batches of live segments. They are looked up in the order in which they lie, so that neighbours cost a step of the
// iterator and not a search; the batches that are finished, often far more, are not read.
func (q *Queue) loadBatches(headers []numbered) (err error) {
	for i := range headers {
		q.mu.batches[headers[i].Batch] = nil
	}
	it, err := q.store.db.NewIter(&pebble.IterOptions{LowerBound: format.Batches.Start(), UpperBound: format.Batches.End()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for _, id := range slices.SortedFunc(maps.Keys(q.mu.batches), compareIDs) {
		i, err := infoAt(it, id)
		if err != nil {
			return fmt.Errorf("batch of a live segment: %w", err)
		}
		q.mu.batches[id] = &live.Batch{ID: id, Tenant: i.Tenant, Created: format.Millis(i.Created), Control: i.Control, Counts: i.Counts, Done: i.Counts}
	}
	return nil
}

func compareIDs(a, b ID) int { return bytes.Compare(a[:], b[:]) }

// recorded is what disk holds of a live segment's results; the zero one is of no segment.
type recorded struct {
	segment *live.Segment
	groups  uint32
	events  []byte
}

// loadResults replays the groups of results of live segments, segment by segment.
func (q *Queue) loadResults() error {
	var r recorded
	err := scan(q.store.db, format.SegmentKey(format.Results, q.mu.low), format.Results.End(), func(k, v []byte) (bool, error) {
		number, n, err := format.ParseResultKey(k)
		if err != nil {
			return false, err
		}
		if r.segment == nil || r.segment.Order != number {
			if err := r.replay(); err != nil {
				return false, err
			}
			if r = (recorded{segment: q.mu.segments[number]}); r.segment == nil {
				return false, fmt.Errorf("%w: results without a segment", format.ErrDamaged)
			}
		}
		events, err := format.GroupEvents(v)
		r.groups, r.events = n+1, append(r.events, events...)
		return true, err
	})
	if err != nil {
		return err
	}
	return r.replay()
}

func (r *recorded) replay() error {
	if r.segment == nil {
		return nil
	}
	return r.segment.Replay(r.groups, r.events)
}
