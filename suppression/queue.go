package suppression

import (
	"context"
	"sync"

	"heed/suppression/internal/store"
)

// maxQueued bounds the changes that wait for a commit, all callers together. A caller past it waits for room.
const maxQueued = 1 << 16

// proposal is one Apply on its way to the disk.
type proposal struct {
	changes  []store.Change
	position uint64
	err      error
	turn     chan role // what the caller has to do next
}

type role bool

const (
	follow role = false // the outcome stands in the proposal
	lead   role = true  // commit the group that waits, this proposal's own
)

// queue gathers proposals into groups. There is at most one leader; it commits everything that came in while its predecessor
// was waiting for the disk, so the slower the disk, the larger the groups.
type queue struct {
	mu struct {
		sync.Mutex
		waiting []*proposal
		changes int           // in waiting
		led     bool          // somebody leads or has been asked to
		room    chan struct{} // closed when waiting is emptied
	}
}

func (q *queue) init() { q.mu.room = make(chan struct{}) }

// enter queues p and says whether its caller leads. Only waiting for room ends with ctx: what is in, is in.
func (q *queue) enter(ctx context.Context, p *proposal) (role, error) {
	for {
		if err := ctx.Err(); err != nil {
			return follow, err
		}
		r, full := q.tryEnter(p)
		if full == nil {
			return r, nil
		}
		select {
		case <-full:
		case <-ctx.Done():
		}
	}
}

// tryEnter returns a channel to wait on if there is no room. A proposal that finds the queue empty always has room.
func (q *queue) tryEnter(p *proposal) (r role, full <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.mu.changes > 0 && q.mu.changes+len(p.changes) > maxQueued {
		return follow, q.mu.room
	}
	q.mu.waiting = append(q.mu.waiting, p)
	q.mu.changes += len(p.changes)
	r = role(!q.mu.led)
	q.mu.led = true
	return r, nil
}

// take gives the leader everything that waits.
func (q *queue) take() []*proposal {
	q.mu.Lock()
	defer q.mu.Unlock()
	group := q.mu.waiting
	q.mu.waiting, q.mu.changes = nil, 0
	close(q.mu.room)
	q.mu.room = make(chan struct{})
	return group
}

// resign ends the leadership: the first of those who wait by now leads next.
func (q *queue) resign() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.mu.waiting) == 0 {
		q.mu.led = false
		return
	}
	q.mu.waiting[0].turn <- lead // buffered for exactly one role, and this is its first
}
