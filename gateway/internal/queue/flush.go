package queue

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"heed/gateway/internal/queue/format"
	"heed/gateway/internal/queue/live"
)

// round is what one synced write of results holds.
type round struct {
	groups  []group
	low     uint64 // the low-water mark at its beginning
	results int
}

// group is the results of one segment in a round.
type group struct {
	live.Group
	segment *live.Segment
	done    Counts // of the batch's finished segments, this one included, if Last
	ends    bool   // nothing of the batch is open any more
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
	r := q.collect()
	if len(r.groups) == 0 {
		return q.store.failed()
	}
	wb := q.store.db.NewBatch()
	if err := q.writeRound(wb, &r); err != nil {
		return q.store.fail(fmt.Errorf("queue: write results: %w", err))
	}
	if err := q.store.commit(wb, pebble.Sync); err != nil {
		return err
	}
	q.settled(&r)
	return nil
}

// collect takes the pending results of all segments.
func (q *Queue) collect() round {
	q.mu.Lock()
	defer q.mu.Unlock()
	// No other round is on its way, so all that is unsynced is in this one.
	r := round{groups: make([]group, 0, len(q.mu.dirty)), low: q.mu.low, results: q.mu.unsynced}
	for _, s := range q.mu.dirty {
		g := group{Group: s.TakeGroup(), segment: s}
		if g.Last {
			s.Owner.Finish(s)
			g.done, g.ends = s.Owner.Done, len(s.Owner.Segments) == 0
		}
		r.groups = append(r.groups, g)
	}
	q.mu.dirty = q.mu.dirty[:0]
	return r
}

func (q *Queue) writeRound(wb *pebble.Batch, r *round) error {
	for i := range r.groups {
		if err := q.writeGroup(wb, &r.groups[i]); err != nil {
			return err
		}
	}
	return wb.Set(format.MarkLow(), format.EncodeLow(r.low), nil)
}

// writeGroup puts a group into wb; if it is the segment's last, the outcome that takes the place of its header and groups.
func (q *Queue) writeGroup(wb *pebble.Batch, g *group) error {
	if !g.Last {
		return wb.Set(format.ResultKey(g.segment.Order, g.Number), g.Events, nil)
	}
	if err := q.writeOutcome(wb, g); err != nil {
		return err
	}
	id := g.segment.Owner.ID
	if err := wb.Set(format.BatchKey(id, format.PartCounts), format.EncodeCounts(g.done), nil); err != nil || !g.ends {
		return err
	}
	return wb.Set(format.FinishedKey(q.now(), id), nil, nil)
}

func (q *Queue) writeOutcome(wb *pebble.Batch, g *group) error {
	number := g.segment.Order
	o, err := q.readLive(q.store.db, number)
	if err != nil {
		return err
	}
	events, err := format.GroupEvents(g.Events)
	if err != nil {
		return err
	}
	o.Events = append(o.Events, events...)
	if err := wb.Set(format.SegmentKey(format.Outcomes, number), o.Encode(), nil); err != nil {
		return err
	}
	// One tombstone a group, not a range: groups are few, and each range tombstone in a memtable slows every read.
	for n := range g.Number {
		if err := wb.Delete(format.ResultKey(number, n), nil); err != nil {
			return err
		}
	}
	return wb.Delete(format.SegmentKey(format.Headers, number), nil)
}

// settled forgets the segments that were finished by a round, and the batches, and lets Record go on.
func (q *Queue) settled(r *round) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range r.groups {
		g := &r.groups[i]
		if g.Last {
			delete(q.mu.segments, g.segment.Order)
			g.segment.Forget()
		}
		if g.ends {
			delete(q.mu.batches, g.segment.Owner.ID)
		}
	}
	q.lowerMark()
	q.mu.unsynced -= r.results
	q.mu.room.Broadcast()
}

// lowerMark moves the low-water mark past numbers that are no longer in use. Requires: mu is held.
func (q *Queue) lowerMark() {
	for q.mu.low < q.mu.next {
		if _, used := q.mu.segments[q.mu.low]; used {
			return
		}
		q.mu.low++
	}
}
