package queue

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"heed/gateway/internal/queue/format"
	"heed/gateway/internal/queue/live"
)

// Stage is a batch in the making. For one goroutine. Memory: about 300 bytes a segment, and a byte a recipient of segments with initial states.
//
// Its segments are written as they come, without a sync. Commit's one synced write makes them durable too: Pebble's log is one sequence, a
// log file is synced before the next one is begun, and recovery stops at the first gap, so whatever precedes a synced write is there.
type Stage struct {
	q        *Queue
	b        *live.Batch
	records  []Record
	segments []*live.Segment
	next     uint64 // the first index still free
	begun    bool   // the marker that Open looks for was written
	over     bool
}

// Stage begins a batch whose segments arrive one by one; nothing of it can be leased or asked for before Commit. b.Segments are its first.
// A stage must end in Commit or Abort. Errors: as Append's.
func (q *Queue) Stage(b Batch) (*Stage, error) {
	if err := format.CheckRecords(b.Records); err != nil {
		return nil, err
	}
	if err := q.enterWrite(); err != nil {
		return nil, err
	}
	defer q.exit()
	if err := q.claim(b.ID); err != nil {
		return nil, err
	}
	s := &Stage{q: q, b: q.newBatch(&b), records: b.Records}
	for i := range b.Segments {
		if err := s.append(&b.Segments[i]); err != nil {
			s.abort()
			return nil, err
		}
	}
	return s, nil
}

// Append adds a segment and keeps nothing of it. It is not durable before Commit. Errors: as those of Queue.Append; the stage can go on
// after ErrFull and ErrMisuse, and can only be aborted after another.
func (s *Stage) Append(seg Segment) error {
	if s.over {
		return fmt.Errorf("%w: stage is over", ErrMisuse)
	}
	if err := s.q.enterWrite(); err != nil {
		return err
	}
	defer s.q.exit()
	return s.append(&seg)
}

func (s *Stage) append(seg *Segment) error {
	if err := errors.Join(format.CheckSegment(seg, s.next), s.q.room()); err != nil {
		return err
	}
	wb := s.q.store.db.NewBatchWithSize(len(seg.Payload) + 512)
	if !s.begun {
		if err := wb.Set(format.StageKey(s.b.ID), nil, nil); err != nil {
			return err
		}
	}
	made, err := writeSegment(wb, s.b, s.q.reserve(1), seg)
	s.segments = append(s.segments, made)
	if err != nil {
		return err
	}
	s.begun = true
	s.next = uint64(seg.First) + uint64(seg.Count)
	return s.q.store.commit(wb, pebble.NoSync)
}

// Commit publishes the batch under a head, which replaces the one given to Stage. It is durable, all of it, when Commit returns nil.
// After an error nothing of it was accepted and the stage is over; ErrMisuse leaves it as it was.
func (s *Stage) Commit(opaque []byte, records ...Record) error {
	if s.over {
		return fmt.Errorf("%w: stage is over", ErrMisuse)
	}
	if err := format.CheckRecords(records); err != nil {
		return err
	}
	if err := s.q.enterWrite(); err != nil {
		s.end()
		return err
	}
	defer s.q.exit()
	if err := s.write(opaque, append(s.records, records...)); err != nil {
		s.abort()
		return err
	}
	s.q.publish(s.b, s.segments)
	s.end()
	return nil
}

func (s *Stage) write(opaque []byte, records []Record) error {
	wb := s.q.store.db.NewBatch()
	if err := s.q.writeHead(wb, s.b, opaque, s.segments, records); err != nil {
		return err
	}
	if err := wb.Delete(format.StageKey(s.b.ID), nil); err != nil {
		return err
	}
	return s.q.commitHead(wb, records)
}

// Abort drops the batch. After Commit it does nothing. What it cannot drop because the queue is closed or has failed is dropped by the next Open.
func (s *Stage) Abort() {
	if s.over {
		return
	}
	if s.q.enterWrite() != nil {
		s.end()
		return
	}
	defer s.q.exit()
	s.abort()
}

func (s *Stage) abort() {
	if s.begun && s.q.store.failed() == nil {
		if err := s.q.clearStage(s.b.ID); err != nil {
			s.q.store.fail(err)
		}
	}
	for _, made := range s.segments {
		s.q.forget(made.Order, 1)
	}
	s.end()
}

func (s *Stage) end() {
	s.over = true
	s.segments = nil
	s.q.disclaim(s.b.ID)
}

// clearStages drops what stages left behind that were not committed before the process ended.
func (q *Queue) clearStages() error {
	var ids []ID
	err := scan(q.store.db, format.Stages.Start(), format.Stages.End(), func(k, _ []byte) (bool, error) {
		id, err := format.ParseStageKey(k)
		ids = append(ids, id)
		return true, err
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		err = errors.Join(err, q.clearStage(id))
	}
	return err
}

// clearStage drops all of a batch that was never published.
func (q *Queue) clearStage(id ID) error {
	wb := q.store.db.NewBatch()
	lower, upper := format.BatchBounds(id)
	err := scan(q.store.db, lower, upper, func(k, v []byte) (bool, error) {
		if _, part, _, err := format.ParseBatchKey(k); err != nil || part != format.PartIndex {
			return false, fmt.Errorf("%w: index of a stage", format.ErrDamaged)
		}
		s, err := format.DecodeSpan(v)
		if err != nil {
			return false, err
		}
		return true, dropSegment(wb, s.Number)
	})
	if err != nil {
		return err
	}
	if err := errors.Join(wb.DeleteRange(lower, upper, nil), wb.Delete(format.StageKey(id), nil)); err != nil {
		return err
	}
	return q.store.commit(wb, pebble.NoSync)
}

// dropSegment drops what there may be of a segment without results.
func dropSegment(wb *pebble.Batch, number uint64) (err error) {
	for _, space := range []format.Space{format.Headers, format.Payloads, format.Outcomes} {
		err = errors.Join(err, wb.Delete(format.SegmentKey(space, number), nil))
	}
	return err
}
