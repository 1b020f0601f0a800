package intake

import (
	"context"
	"errors"

	"heed/gateway/internal/batchjson"
	"heed/gateway/internal/queue"
)

// stage is the part of queue.Stage that intake needs.
type stage interface {
	Append(seg queue.Segment) error
	Commit(head []byte, records ...queue.Record) error
	Abort()
}

// Stream is a batch in the making. For one goroutine. Of duplicates it finds those within the last 1,048,576 recipients, at least;
// of results it lists the first 10,000.
type Stream struct {
	job   *job // nil once the stream has ended
	stage stage
}

var errEnded = errors.New("intake: the stream has ended")

// Open begins a batch whose recipients come in chunks (NDJSON), in bounded memory. Nothing of it is sent before Commit. Errors are *Fault.
func (in *Intake) Open(ctx context.Context, c Call, s *batchjson.Shared) (*Stream, error) {
	j, err := in.begin(ctx, c, s)
	if err != nil {
		return nil, err
	}
	j.seen.reset(0, generation)
	st := &Stream{job: j, stage: discard{}}
	if c.DryRun {
		return st, nil
	}
	h := &j.plan.head
	if st.stage, err = in.stage(queue.Batch{ID: j.id, Tenant: h.Tenant, Head: h.Encode(), Created: h.Created}); err != nil {
		in.release(j)
		return nil, queueDown(err)
	}
	return st, nil
}

// Add takes recipients, 1,000 at a time at best; r may be reused afterwards. After an error, a *Fault, the stream can only be aborted.
func (s *Stream) Add(r []batchjson.Recipient) error {
	if s.job == nil {
		return errEnded
	}
	for len(r) > 0 {
		n := min(len(r), segmentRecipients)
		if err := s.take(r[:n]); err != nil {
			return err
		}
		r = r[n:]
	}
	return nil
}

// take stages a chunk at once, so that only one is in memory.
func (s *Stream) take(chunk []batchjson.Recipient) error {
	j := s.job
	j.packing = j.packing.reset()
	if err := j.take(chunk); err != nil {
		return err
	}
	for _, seg := range j.segments {
		if err := s.stage.Append(seg); err != nil {
			return queueDown(err)
		}
	}
	return nil
}

// Commit makes the batch durable and ends the stream. Errors are *Fault; after one nothing is queued.
func (s *Stream) Commit() (*Answer, error) {
	if s.job == nil {
		return nil, errEnded
	}
	defer s.Abort()
	j := s.job
	if err := j.verify(); err != nil {
		return nil, err
	}
	a, err := j.commit(j.appendAnswer(nil), s.enqueue)
	if err == nil {
		s.stage = discard{}
	}
	return a, err
}

func (s *Stream) enqueue(records []queue.Record) error {
	h := &s.job.plan.head
	h.Count = s.job.count
	return s.stage.Commit(h.Encode(), records...)
}

// Abort drops the batch; after Commit it does nothing.
func (s *Stream) Abort() {
	if s.job == nil {
		return
	}
	s.stage.Abort()
	s.job.in.release(s.job)
	s.job = nil
}

// discard is the stage of a dry run, and of a stream that has ended.
type discard struct{}

func (discard) Append(queue.Segment) error           { return nil }
func (discard) Commit([]byte, ...queue.Record) error { return nil }
func (discard) Abort()                               {}
