package queue

import (
	"cmp"
	"context"
	"sync"

	"heed/gateway/internal/queue/live"
	"heed/gateway/internal/queue/ready"
)

// Queue is an open queue.
type Queue struct {
	o     Options
	store *store
	life  struct {
		sync.RWMutex // held for reading while a call uses the store; never taken with mu held
		closed       bool
	}
	controlling sync.Mutex    // one SetControl at a time, so that disk and memory agree; taken before mu
	recording   sync.RWMutex  // held for reading while records are written, for writing while the sweeper drops what it found expired
	flushing    chan struct{} // holds a token while results are being written; taken before mu
	first       chan struct{} // tells Run that results have begun to wait
	urgent      chan struct{} // tells Run that many do
	sooner      chan struct{} // tells Run that something is due before what it sleeps for
	swept       marks         // of the sweeper alone

	mu struct {
		sync.Mutex
		closed   bool
		index    *ready.Index
		lanes    map[string]*lane
		batches  map[ID]*live.Batch       // the live ones
		making   map[ID]bool              // being written
		segments map[uint64]*live.Segment // live ones; nil while being written
		next     uint64                   // number of the next segment
		low      uint64                   // Invariant: no key of segments is smaller
		dirty    []*live.Segment          // those with pending results
		unsynced int                      // results not yet durable
		room     *sync.Cond               // on mu; told when unsynced has fallen
		alarm    int64                    // what Run sleeps for
	}
}

// lane is what memory holds of a lane.
type lane struct {
	work   *sync.Cond // on Queue.mu; signalled once for each entry that becomes ready
	counts Counts     // of its live segments; only open states are kept up
}

// lane returns a lane by name. Requires: mu is held.
func (q *Queue) lane(name string) *lane {
	l := q.mu.lanes[name]
	if l == nil {
		l = &lane{work: sync.NewCond(&q.mu)}
		q.mu.lanes[name] = l
	}
	return l
}

// now is the time in milliseconds.
func (q *Queue) now() int64 { return q.o.Now().UnixMilli() }

// enter begins a call that reads the store; exit ends it.
func (q *Queue) enter() error {
	q.life.RLock()
	if q.life.closed {
		q.life.RUnlock()
		return ErrClosed
	}
	return nil
}

func (q *Queue) exit() { q.life.RUnlock() }

// enterWrite begins a call that is of no use once the store has failed.
func (q *Queue) enterWrite() error {
	if err := q.enter(); err != nil {
		return err
	}
	if err := q.store.failed(); err != nil {
		q.exit()
		return err
	}
	return nil
}

// file says in the index from when on a segment has work. Requires: mu is held.
func (q *Queue) file(s *live.Segment, now int64) {
	when, ok := s.WorkAt()
	if !ok {
		q.mu.index.Drop(&s.Entry)
		return
	}
	if q.mu.index.Put(&s.Entry, when, now) {
		q.lane(s.Lane).work.Signal()
	} else if when < q.mu.alarm {
		notify(q.sooner)
	}
}

// advance makes ready what has become due. Requires: mu is held.
func (q *Queue) advance(now int64) {
	q.mu.index.Advance(now, func(lane string) { q.lane(lane).work.Signal() })
}

// until waits on c until done says so, or returns why it never will: the queue has ended or ctx has. A waiter that leaves passes on the
// signal it may have had. Requires: mu is held; done is called with it.
func (q *Queue) until(ctx context.Context, c *sync.Cond, done func() bool) error {
	for waits := false; ; c.Wait() {
		if err := cmp.Or(q.ended(), ctx.Err()); err != nil {
			c.Signal()
			return err
		}
		if done() {
			return nil
		}
		if !waits {
			waits = true
			defer context.AfterFunc(ctx, func() {
				q.mu.Lock()
				defer q.mu.Unlock()
				c.Broadcast()
			})()
		}
	}
}

// ended says why nothing is handed out or taken any more. Requires: mu is held.
func (q *Queue) ended() error {
	if q.mu.closed {
		return ErrClosed
	}
	return q.store.failed()
}

// wakeAll lets everybody who waits look again. Requires: mu is held.
func (q *Queue) wakeAll() {
	for _, l := range q.mu.lanes {
		l.work.Broadcast()
	}
	q.mu.room.Broadcast()
}

// notify leaves a word in a channel of one place.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
