package queue

import (
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Control is what an operator wants of a batch. The numbers are stored on disk: never renumber.
type Control uint8

const (
	Running Control = 0
	Paused  Control = 1 // nothing of it is handed out, not even to expire
	Stopped Control = 2 // cancelled: all that is open is handed out to be recorded as such
)

// Info is a batch as a whole. Counts are live, and may run ahead of what Recipients lists by the results of the last ResultDelay.
type Info struct {
	ID      ID
	Tenant  string
	Head    []byte
	Created time.Time
	Control Control
	Counts  Counts
}

// SetControl pauses, resumes or cancels a batch; it is durable when it returns nil. What is in hand stays there.
// Errors: ErrNotFound; ErrStopped, since cancelling cannot be undone; ErrMisuse; the store's failure.
func (q *Queue) SetControl(id ID, c Control) error {
	if c > Stopped {
		return fmt.Errorf("%w: control %d", ErrMisuse, c)
	}
	if err := q.enterWrite(); err != nil {
		return err
	}
	defer q.exit()
	q.controlling.Lock()
	defer q.controlling.Unlock()
	i, err := q.readInfo(q.store.db, id)
	if err != nil || i.Control == c {
		return err
	}
	if i.Control == Stopped {
		return ErrStopped
	}
	wb := q.store.db.NewBatch()
	if err := wb.Set(batchKey(id, partControl), []byte{format, byte(c)}, nil); err != nil {
		return err
	}
	if err := q.store.commit(wb, pebble.Sync); err != nil {
		return err
	}
	q.obey(id, c)
	return nil
}

// obey puts a control in force for the batch's live segments.
func (q *Queue) obey(id ID, c Control) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b := q.mu.batches[id]
	if b == nil {
		return
	}
	b.control = c
	now := q.now()
	for _, s := range b.segments {
		q.file(s, now)
	}
}

// Batch tells of a batch. Errors: ErrNotFound, ErrClosed, or a failure to read.
func (q *Queue) Batch(id ID) (Info, error) {
	if err := q.enter(); err != nil {
		return Info{}, err
	}
	defer q.exit()
	live, counts := q.liveCounts(id)
	i, err := q.readInfo(q.store.db, id)
	if live {
		i.Counts = counts
	}
	return i, err
}

func (q *Queue) liveCounts(id ID) (live bool, c Counts) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if b := q.mu.batches[id]; b != nil {
		return true, b.counts
	}
	return false, c
}

// readInfo reads what disk holds of a batch; Counts are those of its finished segments.
func (q *Queue) readInfo(r pebble.Reader, id ID) (i Info, err error) {
	v, err := q.store.get(r, batchKey(id, partHead))
	if err != nil {
		return i, err
	}
	h, err := decodeHead(v)
	if err != nil {
		return i, err
	}
	i = Info{ID: id, Tenant: h.tenant, Head: h.opaque, Created: fromMillis(h.created)}
	if v, err = q.store.get(r, batchKey(id, partCounts)); err == nil {
		i.Counts, err = decodeCounts(v)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return i, err
	}
	if v, err = q.store.get(r, batchKey(id, partControl)); err == nil {
		i.Control, err = decodeControl(v)
	}
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return i, err
}

// Depth tells, per lane, how many recipients are Queued (those in hand included) and Retrying.
func (q *Queue) Depth() map[string]Counts {
	q.mu.Lock()
	defer q.mu.Unlock()
	depth := make(map[string]Counts, len(q.mu.lanes))
	for name, l := range q.mu.lanes {
		depth[name] = Counts{Queued: l.counts[Queued], Retrying: l.counts[Retrying]}
	}
	return depth
}
