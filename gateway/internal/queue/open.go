package queue

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"heed/gateway/internal/queue/ready"
)

// Open opens the queue in a folder, made if it is missing, and reads the headers and results of what is not finished, with three reads a
// live batch and none of a payload. It clears away stages that were never committed. It starts no goroutine of its own: call Run.
// Errors: the folder is open elsewhere, unreadable or damaged; nothing was changed then.
func Open(dir string, o Options) (*Queue, error) {
	o.setDefaults()
	q := &Queue{o: o, flushing: make(chan struct{}, 1), first: make(chan struct{}, 1),
		urgent: make(chan struct{}, 1), sooner: make(chan struct{}, 1)}
	q.mu.index = ready.New()
	q.mu.lanes = map[string]*lane{}
	q.mu.batches = map[ID]*batch{}
	q.mu.making = map[ID]bool{}
	q.mu.segments = map[uint64]*segment{}
	q.mu.alarm = math.MaxInt64
	s, err := openStore(dir, &o, q.broken)
	if err != nil {
		return nil, err
	}
	q.store = s
	if err := q.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("open queue %s: %w", dir, err), s.close())
	}
	return q, nil
}

// broken lets everybody who waits find out that the store has failed.
func (q *Queue) broken(err error) {
	notify(q.first)
	q.mu.Lock()
	q.wakeAll()
	q.mu.Unlock()
	if q.o.Trouble != nil {
		q.o.Trouble(err)
	}
}

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
		c := s.tally()
		for st, n := range c {
			s.batch.counts[st] += n
		}
		q.countOpen(s, c)
		q.file(s, now)
	}
	q.lowerMark()
	return nil
}

func (q *Queue) loadMarks() error {
	low, err := q.store.get(q.store.db, markLow)
	if err == nil && len(low) != 8 {
		return fmt.Errorf("%w: low-water mark", errDamaged)
	}
	if err == nil {
		q.mu.low = binary.BigEndian.Uint64(low)
	} else if !errors.Is(err, ErrNotFound) {
		return err
	}
	if q.swept.done, err = q.mark(markDone, spaceDone); err != nil {
		return err
	}
	q.swept.expired, err = q.mark(markExpired, spaceExpiry)
	return err
}

// mark is the key from which on a space of time is scanned.
func (q *Queue) mark(name []byte, space byte) ([]byte, error) {
	k, err := q.store.get(q.store.db, name)
	if errors.Is(err, ErrNotFound) {
		return []byte{space}, nil
	}
	if err == nil && (len(k) == 0 || k[0] != space) {
		err = fmt.Errorf("%w: mark", errDamaged)
	}
	return k, err
}

// loadNext finds the number of the next segment: past the last payload. What was dropped left nothing behind, so its numbers may come again.
func (q *Queue) loadNext() error {
	q.mu.next = max(1, q.mu.low)
	it, err := q.store.db.NewIter(&pebble.IterOptions{LowerBound: []byte{spacePayload}, UpperBound: spaceEnd(spacePayload)})
	if err != nil {
		return err
	}
	if it.Last() && len(it.Key()) == 9 {
		q.mu.next = max(q.mu.next, binary.BigEndian.Uint64(it.Key()[1:])+1)
	}
	return errors.Join(it.Error(), it.Close())
}

func (q *Queue) loadSegments() error {
	return scan(q.store.db, segmentKey(spaceHeader, q.mu.low), spaceEnd(spaceHeader), func(k, v []byte) (bool, error) {
		if len(k) != 9 {
			return false, fmt.Errorf("%w: key of a header", errDamaged)
		}
		h, err := decodeHeader(v)
		if err != nil {
			return false, err
		}
		b, err := q.loadBatch(h.id)
		if err != nil {
			return false, err
		}
		s := newSegment(b, binary.BigEndian.Uint64(k[1:]), &h)
		q.mu.segments[s.Order] = s
		b.adopt(s)
		return true, nil
	})
}

// loadBatch returns a live batch, read once.
func (q *Queue) loadBatch(id ID) (*batch, error) {
	if b := q.mu.batches[id]; b != nil {
		return b, nil
	}
	i, err := q.readInfo(q.store.db, id)
	if err != nil {
		return nil, fmt.Errorf("batch of a live segment: %w", err)
	}
	b := &batch{id: id, tenant: i.Tenant, created: millis(i.Created), control: i.Control, counts: i.Counts, done: i.Counts}
	q.mu.batches[id] = b
	return b, nil
}

// loadResults replays the groups of results of live segments, segment by segment.
func (q *Queue) loadResults() error {
	var s *segment
	var events []byte
	replay := func() error {
		if s == nil {
			return nil
		}
		return s.replay(events)
	}
	err := scan(q.store.db, segmentKey(spaceResult, q.mu.low), spaceEnd(spaceResult), func(k, v []byte) (bool, error) {
		if len(k) != 13 {
			return false, fmt.Errorf("%w: key of results", errDamaged)
		}
		number := binary.BigEndian.Uint64(k[1:])
		if s == nil || s.Order != number {
			if err := replay(); err != nil {
				return false, err
			}
			if s, events = q.mu.segments[number], nil; s == nil {
				return false, fmt.Errorf("%w: results without a segment", errDamaged)
			}
		}
		group, err := groupEvents(v)
		events = append(events, group...)
		s.groups = binary.BigEndian.Uint32(k[9:]) + 1
		return true, err
	})
	if err != nil {
		return err
	}
	return replay()
}

// clearStages drops what stages left behind that were not committed before the process ended.
func (q *Queue) clearStages() error {
	var ids []ID
	err := scan(q.store.db, []byte{spaceStage}, spaceEnd(spaceStage), func(k, _ []byte) (bool, error) {
		if len(k) != 17 {
			return false, fmt.Errorf("%w: key of a stage", errDamaged)
		}
		ids = append(ids, ID(k[1:]))
		return true, nil
	})
	for _, id := range ids {
		err = errors.Join(err, q.clearStage(id))
	}
	return err
}

// clearStage drops all of a batch that was never published.
func (q *Queue) clearStage(id ID) error {
	b := q.store.db.NewBatch()
	lower, upper := batchBounds(id)
	err := scan(q.store.db, lower, upper, func(k, v []byte) (bool, error) {
		sp, err := decodeSpan(v)
		if err != nil || k[17] != partIndex {
			return false, fmt.Errorf("%w: index of a stage", errDamaged)
		}
		for _, space := range []byte{spaceHeader, spacePayload, spaceOutcome} {
			if err := b.Delete(segmentKey(space, sp.number), nil); err != nil {
				return false, err
			}
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	if err := errors.Join(b.DeleteRange(lower, upper, nil), b.Delete(stageKey(id), nil)); err != nil {
		return err
	}
	return q.store.commit(b, pebble.NoSync)
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

// Close writes the results still waiting, ends every waiting Lease with ErrClosed and gives the folder back. Run must have returned.
// Errors: the store had failed, or a result could not be written; ErrClosed the second time.
func (q *Queue) Close() error {
	if err := q.enter(); err != nil {
		return err
	}
	flushed := q.flush(context.Background())
	q.exit()
	q.life.Lock()
	defer q.life.Unlock()
	if q.life.closed {
		return ErrClosed
	}
	q.life.closed = true
	q.mu.Lock()
	q.mu.closed = true
	q.wakeAll()
	q.mu.Unlock()
	return errors.Join(flushed, q.store.close())
}

// wakeAll lets every waiting Lease look again. Requires: mu is held.
func (q *Queue) wakeAll() {
	for _, l := range q.mu.lanes {
		l.work.Broadcast()
	}
}
