package queue

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"heed/gateway/internal/queue/live"
	"heed/gateway/internal/queue/ready"
)

// Open opens the queue in a folder, made if it is missing, and reads the headers and results of what is not finished, and the heads
// of its batches in the order in which they lie; no payload. It clears away stages that were never committed. It starts no goroutine of its own: call Run.
// Errors: ErrMissing; the folder is open elsewhere, unreadable or damaged; nothing was changed then.
func Open(dir string, o Options) (*Queue, error) {
	o.setDefaults()
	q := &Queue{o: o, flushing: make(chan struct{}, 1), first: make(chan struct{}, 1),
		urgent: make(chan struct{}, 1), sooner: make(chan struct{}, 1)}
	q.mu.index = ready.New()
	q.mu.lanes = map[string]*lane{}
	q.mu.batches = map[ID]*live.Batch{}
	q.mu.making = map[ID]bool{}
	q.mu.segments = map[uint64]*live.Segment{}
	q.mu.room = sync.NewCond(&q.mu)
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

// Close writes the results still waiting, ends every waiting Lease and Record with ErrClosed and gives the folder back. Run must have returned.
// Errors: the store had failed, or a result could not be written; ErrClosed the second time.
func (q *Queue) Close() error {
	if err := q.enter(); err != nil {
		return err
	}
	q.refuse()
	flushed := q.flush(context.Background())
	q.exit()
	q.life.Lock()
	defer q.life.Unlock()
	if q.life.closed {
		return ErrClosed
	}
	q.life.closed = true
	return errors.Join(flushed, q.store.close())
}

// refuse ends what waits. No result is taken any more, so the flush after it writes the last of them.
func (q *Queue) refuse() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mu.closed = true
	q.wakeAll()
}
