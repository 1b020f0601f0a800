package queue

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"heed/gateway/internal/queue/format"
	"heed/gateway/internal/queue/live"
)

// Lease is a run of recipients of one segment in one worker's hands. For one goroutine at a time.
type Lease struct {
	Batch     ID
	Tenant    string
	Segment   uint64 // the queue's own number of the segment
	First     uint32
	Expires   time.Time // zero: never; once it has passed, record Expired and send nothing
	Cancelled bool      // the batch was cancelled: record Cancelled, send nothing
	Payload   []byte    // the whole segment's payload; read-only, valid until the last item is recorded or released
	Items     []Item    // in order of Index; not to be changed

	segment *live.Segment
	held    []bool // which Items are still in hand; guarded by Queue.mu
}

// Lease waits for work in a lane and hands out at most max recipients, by priority, then in turn between tenants, then in turn
// between a tenant's batches. What is cancelled or expired is handed out like the rest, at once. Several may wait; each piece
// of work wakes one. While Run is not running, what becomes due later wakes nobody.
// Errors: ctx's, ErrClosed, ErrMisuse, the store's failure. Cost: one read of the payload, no scan.
func (q *Queue) Lease(ctx context.Context, lane string, max int) (*Lease, error) {
	if max < 1 {
		return nil, fmt.Errorf("%w: a lease of %d recipients", ErrMisuse, max)
	}
	l, err := q.await(ctx, lane, max)
	if err != nil {
		return nil, err
	}
	if err := q.attach(l); err != nil {
		q.Release(l, l.Items...)
		return nil, err
	}
	return l, nil
}

// await waits until take has something.
func (q *Queue) await(ctx context.Context, lane string, max int) (l *Lease, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	err = q.until(ctx, q.lane(lane).work, func() bool {
		l = q.take(lane, max)
		return l != nil
	})
	return l, err
}

// take hands out the next lease of a lane, nil if nothing is ready. Whoever leaves work behind wakes the next. Requires: mu is held.
func (q *Queue) take(lane string, max int) *Lease {
	now := q.now()
	q.advance(now)
	e := q.mu.index.Next(lane)
	if e == nil {
		return nil
	}
	s := q.mu.segments[e.Order]
	l := &Lease{Batch: s.Owner.ID, Tenant: s.Tenant, Segment: s.Order, First: s.First, Expires: format.Time(s.Expires),
		Cancelled: s.Owner.Control == Stopped, segment: s}
	l.Items = s.Take(now, max)
	l.held = slices.Repeat([]bool{true}, len(l.Items))
	l.Payload = s.Payload()
	q.file(s, now)
	if q.mu.index.Ready(lane) {
		q.lane(lane).work.Signal()
	}
	return l
}

// attach reads the payload of a lease, unless another lease of the segment has it in hand. Damage found here ends the queue: delivery
// must not go on past recipients that cannot be read.
func (q *Queue) attach(l *Lease) error {
	if l.Payload != nil {
		return nil
	}
	if err := q.enterWrite(); err != nil {
		return err
	}
	defer q.exit()
	p, err := q.store.get(q.store.db, format.SegmentKey(format.Payloads, l.Segment))
	if err != nil {
		return q.store.fail(fmt.Errorf("queue: payload of segment %d: %w", l.Segment, err))
	}
	l.Payload = p
	q.mu.Lock()
	defer q.mu.Unlock()
	l.segment.KeepPayload(p)
	return nil
}

// Release gives back items that were not tried; they can be leased again at once. Items that the lease does not hold are passed over.
func (q *Queue) Release(l *Lease, items ...Item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	for _, it := range items {
		if at, ok := l.find(it.Index); ok {
			l.held[at] = false
			l.segment.GiveBack(it.Index, now)
		}
	}
	q.file(l.segment, now)
}

// find returns where an item that is still in hand stands in the lease. Requires: mu is held.
func (l *Lease) find(index int) (at int, held bool) {
	at, ok := slices.BinarySearchFunc(l.Items, index, func(it Item, i int) int { return cmp.Compare(it.Index, i) })
	return at, ok && l.held[at]
}
