package queue

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"heed/gateway/internal/queue/format"
)

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
	i, err := readInfo(q.store.db, id)
	if err != nil || i.Control == c {
		return err
	}
	if i.Control == Stopped {
		return ErrStopped
	}
	wb := q.store.db.NewBatch()
	if err := wb.Set(format.BatchKey(id, format.PartControl), format.EncodeControl(c), nil); err != nil {
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
	b.Control = c
	now := q.now()
	for _, s := range b.Segments {
		q.file(s, now)
	}
}
