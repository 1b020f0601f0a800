package queue

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// group is the results of one segment in one synced write.
type group struct {
	s      *segment
	number uint32
	events []byte // with the format byte
	last   bool   // nothing of the segment is open any more
	done   Counts // of the batch's finished segments, this one included, if last
	ends   bool   // nothing of the batch is open any more
}

// flush writes all results that wait, in one synced commit with everything that follows from them. One at a time; those handed in
// meanwhile go with the next.
func (q *Queue) flush(ctx context.Context) error {
	select {
	case q.flushing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-q.flushing }()
	groups, low := q.collect()
	if len(groups) == 0 {
		return q.store.failed()
	}
	wb := q.store.db.NewBatch()
	for i := range groups {
		if err := q.writeGroup(wb, &groups[i]); err != nil {
			return q.store.fail(fmt.Errorf("queue: write results: %w", err))
		}
	}
	if err := wb.Set(markLow, lowMark(low), nil); err != nil {
		return q.store.fail(fmt.Errorf("queue: write results: %w", err))
	}
	if err := q.store.commit(wb, pebble.Sync); err != nil {
		return err
	}
	q.settled(groups)
	return nil
}

// collect takes the pending results of all segments.
func (q *Queue) collect() (groups []group, low uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	groups = make([]group, 0, len(q.mu.dirty))
	for _, s := range q.mu.dirty {
		g := group{s: s, number: s.groups, events: s.pending, last: s.open == 0}
		s.pending = nil
		s.groups++
		if g.last {
			b := s.batch
			for st, n := range s.tally() {
				b.done[st] += n
			}
			b.disown(s)
			g.done, g.ends = b.done, len(b.segments) == 0
		}
		groups = append(groups, g)
	}
	q.mu.dirty = q.mu.dirty[:0]
	return groups, q.mu.low
}

// writeGroup puts a group into wb; if it is the segment's last, the outcome that takes the place of its header and groups.
func (q *Queue) writeGroup(wb *pebble.Batch, g *group) error {
	if !g.last {
		return wb.Set(resultKey(g.s.Order, g.number), g.events, nil)
	}
	if err := q.writeOutcome(wb, g); err != nil {
		return err
	}
	if err := wb.Set(batchKey(g.s.batch.id, partCounts), g.done.encode(), nil); err != nil || !g.ends {
		return err
	}
	return wb.Set(doneKey(q.now(), g.s.batch.id), nil, nil)
}

func (q *Queue) writeOutcome(wb *pebble.Batch, g *group) error {
	o, err := q.readLive(q.store.db, g.s.Order)
	if err != nil {
		return err
	}
	o.events = append(o.events, g.events[1:]...)
	if err := wb.Set(segmentKey(spaceOutcome, g.s.Order), o.encode(), nil); err != nil {
		return err
	}
	// One tombstone a group, not a range: groups are few, and each range tombstone in a memtable slows every read.
	for n := range g.number {
		if err := wb.Delete(resultKey(g.s.Order, n), nil); err != nil {
			return err
		}
	}
	return wb.Delete(segmentKey(spaceHeader, g.s.Order), nil)
}

// readLive reads what disk holds of a live segment: its header and groups, as an outcome to be.
func (q *Queue) readLive(r pebble.Reader, number uint64) (o outcome, err error) {
	v, err := q.store.get(r, segmentKey(spaceHeader, number))
	if err != nil {
		return o, err
	}
	h, err := decodeHeader(v)
	if err != nil {
		return o, err
	}
	o = outcome{count: h.count, initial: h.initial}
	err = scan(r, resultKey(number, 0), segmentKey(spaceResult, number+1), func(_, v []byte) (bool, error) {
		events, err := groupEvents(v)
		o.events = append(o.events, events...)
		return true, err
	})
	return o, err
}

// settled forgets the segments that were finished by a write, and the batches.
func (q *Queue) settled(groups []group) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range groups {
		g := &groups[i]
		q.mu.waiting -= len(g.events)
		if g.last {
			delete(q.mu.segments, g.s.Order)
			g.s.states, g.s.tries = nil, nil
		}
		if g.ends {
			delete(q.mu.batches, g.s.batch.id)
		}
	}
	q.lowerMark()
}
