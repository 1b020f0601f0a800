package queue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

// Append makes a batch durable in one synced commit, which other callers' commits share. Nothing of b is kept.
// Errors: ErrExists, ErrFull, ErrMisuse for a malformed batch, ErrClosed, or the store's failure; in all of them nothing was accepted.
// Cost: one copy of the payloads; a handful of allocations a segment, none a recipient.
func (q *Queue) Append(b Batch) error {
	if err := errors.Join(checkSegments(b.Segments), checkRecords(b.Records)); err != nil {
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
	live := q.newBatch(&b)
	segments, err := q.write(live, &b)
	if err != nil {
		return err
	}
	q.publish(live, segments)
	return nil
}

// write commits a batch and returns its segments, live or not.
func (q *Queue) write(live *batch, b *Batch) (segments []*segment, err error) {
	wb := q.store.db.NewBatchWithSize(sizeOf(b))
	number := q.reserve(len(b.Segments))
	defer func() {
		if err != nil {
			q.forget(number, len(b.Segments))
		}
	}()
	segments = make([]*segment, 0, len(b.Segments))
	for i := range b.Segments {
		s, err := q.writeSegment(wb, live, number+uint64(i), &b.Segments[i])
		if err != nil {
			return nil, err
		}
		segments = append(segments, s)
	}
	if err := q.writeHead(wb, live, b.Head, segments, b.Records); err != nil {
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
	exists, err := q.store.has(batchKey(id, partHead))
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

func (q *Queue) newBatch(b *Batch) *batch {
	created := millis(b.Created)
	if created == 0 {
		created = q.now()
	}
	return &batch{id: b.ID, tenant: b.Tenant, created: created}
}

// writeSegment puts a segment's payload, its place in the batch's index, and its header or, if nothing of it is open, its outcome into wb.
func (q *Queue) writeSegment(wb *pebble.Batch, b *batch, number uint64, seg *Segment) (*segment, error) {
	h := header{id: b.id, first: seg.First, count: seg.Count, initial: seg.Initial, lane: seg.Lane, priority: seg.Priority,
		due: millis(seg.Due), expires: millis(seg.Expires)}
	if h.due == 0 {
		h.due = b.created
	}
	s := newSegment(b, number, &h)
	c := s.tally()
	for st, n := range c {
		b.counts[st] += n
	}
	op := wb.SetDeferred(9, len(seg.Payload))
	copy(op.Key, segmentKey(spacePayload, number))
	copy(op.Value, seg.Payload)
	err := op.Finish()
	err = errors.Join(err, wb.Set(indexKey(b.id, seg.First), span{number, seg.Count}.encode(), nil))
	if s.open > 0 {
		return s, errors.Join(err, wb.Set(segmentKey(spaceHeader, number), h.encode(), nil))
	}
	for st, n := range c {
		b.done[st] += n
	}
	o := outcome{count: h.count, initial: h.initial}
	return s, errors.Join(err, wb.Set(segmentKey(spaceOutcome, number), o.encode(), nil))
}

// writeHead puts what publishes a batch into wb.
func (q *Queue) writeHead(wb *pebble.Batch, b *batch, opaque []byte, segments []*segment, records []Record) error {
	h := head{tenant: b.tenant, created: b.created, opaque: opaque}
	err := wb.Set(batchKey(b.id, partHead), h.encode(), nil)
	if b.done != (Counts{}) {
		err = errors.Join(err, wb.Set(batchKey(b.id, partCounts), b.done.encode(), nil))
	}
	open := false
	for _, s := range segments {
		open = open || s.open > 0
	}
	if !open {
		err = errors.Join(err, wb.Set(doneKey(q.now(), b.id), nil, nil))
	}
	return errors.Join(err, q.writeRecords(wb, records))
}

// publish makes a durable batch's segments leasable.
func (q *Queue) publish(b *batch, segments []*segment) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	for _, s := range segments {
		if s.open == 0 {
			delete(q.mu.segments, s.Order)
			continue
		}
		q.mu.segments[s.Order] = s
		q.mu.batches[b.id] = b
		b.adopt(s)
		q.countOpen(s, s.tally())
		q.file(s, now)
	}
	q.lowerMark()
}

// countOpen adds a segment's open recipients to its lane. Requires: mu is held.
func (q *Queue) countOpen(s *segment, c Counts) {
	l := q.lane(s.Lane)
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

// checkSegments refuses what could not be asked for later: overlaps, counts out of range, states that are none.
func checkSegments(list []Segment) error {
	var next uint64
	for i := range list {
		if err := checkSegment(&list[i], next); err != nil {
			return err
		}
		next = uint64(list[i].First) + uint64(list[i].Count)
	}
	return nil
}

// checkSegment checks a segment whose batch holds all indexes below next already.
func checkSegment(s *Segment, next uint64) error {
	if s.Count < 1 || s.Count > maxRecipients {
		return fmt.Errorf("%w: a segment holds 1 to %d recipients, not %d", ErrMisuse, maxRecipients, s.Count)
	}
	if uint64(s.First) < next || uint64(s.First)+uint64(s.Count) > 1<<32 {
		return fmt.Errorf("%w: segment at index %d, the next free one is %d", ErrMisuse, s.First, next)
	}
	if s.Initial != nil && len(s.Initial) != s.Count {
		return fmt.Errorf("%w: %d initial states for %d recipients", ErrMisuse, len(s.Initial), s.Count)
	}
	for _, st := range s.Initial {
		if st != Queued && (!st.Final() || st >= states) {
			return fmt.Errorf("%w: initial state %d", ErrMisuse, st)
		}
	}
	return nil
}

func checkRecords(list []Record) error {
	for i := range list {
		if err := checkSpace(list[i].Space); err != nil {
			return err
		}
	}
	return nil
}

func checkSpace(space string) error {
	if space == "" || strings.IndexByte(space, 0) >= 0 {
		return fmt.Errorf("%w: name of a space %q", ErrMisuse, space)
	}
	return nil
}

// lowMark is the value of markLow.
func lowMark(low uint64) []byte { return binary.BigEndian.AppendUint64(nil, low) }
