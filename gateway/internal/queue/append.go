package queue

import (
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"heed/gateway/internal/queue/format"
	"heed/gateway/internal/queue/live"
)

// Append makes a batch durable in one synced commit, which other callers' commits share. Nothing of b is kept.
// Errors: ErrExists, ErrFull, ErrMisuse for a malformed batch, ErrClosed, or the store's failure; in all of them nothing was accepted.
// Cost: one copy of the payloads; a handful of allocations a segment, none a recipient.
func (q *Queue) Append(b Batch) error {
	if err := errors.Join(format.CheckSegments(b.Segments), format.CheckRecords(b.Records)); err != nil {
		return err
	}
	if err := q.enterWrite(); err != nil {
		return err
	}
	defer q.exit()
	if err := q.claim(b.ID); err != nil {
		return err
	}
	defer q.disclaim(b.ID)
	number := q.reserve(len(b.Segments))
	made := q.newBatch(&b)
	segments, err := q.write(made, number, &b)
	if err != nil {
		q.forget(number, len(b.Segments))
		return err
	}
	q.publish(made, segments)
	return nil
}

// write commits a batch whose segments are numbered from number on, and returns them, live or not.
func (q *Queue) write(made *live.Batch, number uint64, b *Batch) (segments []*live.Segment, err error) {
	wb := q.store.db.NewBatchWithSize(sizeOf(b))
	segments = make([]*live.Segment, 0, len(b.Segments))
	for i := range b.Segments {
		s, err := writeSegment(wb, made, number+uint64(i), &b.Segments[i])
		if err != nil {
			return nil, err
		}
		segments = append(segments, s)
	}
	if err := q.writeHead(wb, made, b.Head, segments, b.Records); err != nil {
		return nil, err
	}
	return segments, q.commitHead(wb, b.Records)
}

// commitHead commits a batch's head. With records in it, the sweeper must not look at them meanwhile.
func (q *Queue) commitHead(wb *pebble.Batch, records []Record) error {
	if len(records) > 0 {
		q.recording.RLock()
		defer q.recording.RUnlock()
	}
	return q.store.commit(wb, pebble.Sync)
}

func (q *Queue) room() error {
	if q.o.MinFree == 0 {
		return nil
	}
	free, err := q.store.free()
	if err == nil && free < q.o.MinFree {
		err = ErrFull
	}
	return err
}

// claim takes an id for a batch in the making, if the disk has room for one; disclaim ends the making.
func (q *Queue) claim(id ID) error {
	if err := q.room(); err != nil {
		return err
	}
	q.mu.Lock()
	taken := q.mu.making[id] || q.mu.batches[id] != nil
	if !taken {
		q.mu.making[id] = true
	}
	q.mu.Unlock()
	if taken {
		return ErrExists
	}
	exists, err := q.store.has(format.BatchKey(id, format.PartHead))
	if err == nil && exists {
		err = ErrExists
	}
	if err != nil {
		q.disclaim(id)
	}
	return err
}

func (q *Queue) disclaim(id ID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.mu.making, id)
}

// reserve takes n numbers of segments; until publish they hold the low-water mark.
func (q *Queue) reserve(n int) (number uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	number = q.mu.next
	q.mu.next += uint64(n)
	for i := range uint64(n) {
		q.mu.segments[number+i] = nil
	}
	return number
}

func (q *Queue) newBatch(b *Batch) *live.Batch {
	created := format.Millis(b.Created)
	if created == 0 {
		created = q.now()
	}
	return &live.Batch{ID: b.ID, Tenant: b.Tenant, Created: created}
}

// writeSegment puts a segment's payload, its place in the batch's index, and its header or, if nothing of it is open, its outcome into wb.
func writeSegment(wb *pebble.Batch, b *live.Batch, number uint64, seg *Segment) (*live.Segment, error) {
	h := headerOf(b, seg)
	s := live.NewSegment(b, number, &h)
	b.Counts.Add(s.Tally())
	place := format.Span{Number: number, Count: seg.Count}
	err := errors.Join(writePayload(wb, number, seg.Payload), wb.Set(format.IndexKey(b.ID, seg.First), place.Encode(), nil))
	if s.Open() {
		return s, errors.Join(err, wb.Set(format.SegmentKey(format.Headers, number), h.Encode(), nil))
	}
	b.Done.Add(s.Tally())
	o := format.Outcome{Count: h.Count, Initial: h.Initial}
	return s, errors.Join(err, wb.Set(format.SegmentKey(format.Outcomes, number), o.Encode(), nil))
}

func headerOf(b *live.Batch, s *Segment) format.Header {
	h := format.Header{Batch: b.ID, First: s.First, Count: s.Count, Initial: s.Initial, Lane: s.Lane, Priority: s.Priority,
		Due: format.Millis(s.Due), Expires: format.Millis(s.Expires)}
	if h.Due == 0 {
		h.Due = b.Created
	}
	return h
}

// writePayload copies a payload once, into wb itself.
func writePayload(wb *pebble.Batch, number uint64, payload []byte) error {
	key := format.SegmentKey(format.Payloads, number)
	op := wb.SetDeferred(len(key), len(payload))
	copy(op.Key, key)
	copy(op.Value, payload)
	return op.Finish()
}

// writeHead puts what publishes a batch into wb.
func (q *Queue) writeHead(wb *pebble.Batch, b *live.Batch, opaque []byte, segments []*live.Segment, records []Record) error {
	h := format.Head{Tenant: b.Tenant, Created: b.Created, Opaque: opaque}
	err := wb.Set(format.BatchKey(b.ID, format.PartHead), h.Encode(), nil)
	if b.Done != (Counts{}) {
		err = errors.Join(err, wb.Set(format.BatchKey(b.ID, format.PartCounts), format.EncodeCounts(b.Done), nil))
	}
	if !slices.ContainsFunc(segments, (*live.Segment).Open) {
		err = errors.Join(err, wb.Set(format.FinishedKey(q.now(), b.ID), nil, nil))
	}
	return errors.Join(err, q.writeRecords(wb, records))
}

// publish makes a durable batch's segments leasable.
func (q *Queue) publish(b *live.Batch, segments []*live.Segment) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	for _, s := range segments {
		if !s.Open() {
			delete(q.mu.segments, s.Order)
			continue
		}
		q.mu.segments[s.Order] = s
		q.mu.batches[b.ID] = b
		b.Adopt(s)
		q.countOpen(s)
		q.file(s, now)
	}
	q.lowerMark()
}

// countOpen adds a segment's open recipients to its lane. Requires: mu is held.
func (q *Queue) countOpen(s *live.Segment) {
	l, c := q.lane(s.Lane), s.Tally()
	l.counts[Queued] += c[Queued]
	l.counts[Retrying] += c[Retrying]
}

// forget gives up numbers whose segments were not written.
func (q *Queue) forget(number uint64, n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range uint64(n) {
		delete(q.mu.segments, number+i)
	}
	q.lowerMark()
}

func sizeOf(b *Batch) int {
	n := 256 + len(b.Head)
	for i := range b.Segments {
		n += len(b.Segments[i].Payload) + 256
	}
	for i := range b.Records {
		n += len(b.Records[i].Value) + 256
	}
	return n + n/16
}
