package queue

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"heed/gateway/internal/queue/format"
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

// Batch tells of a batch. Errors: ErrNotFound, ErrClosed, or a failure to read.
func (q *Queue) Batch(id ID) (Info, error) {
	if err := q.enter(); err != nil {
		return Info{}, err
	}
	defer q.exit()
	live, counts := q.liveCounts(id)
	i, err := readInfo(q.store.db, id)
	if live {
		i.Counts = counts
	}
	return i, err
}

func (q *Queue) liveCounts(id ID) (live bool, c Counts) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if b := q.mu.batches[id]; b != nil {
		return true, b.Counts
	}
	return false, c
}

// readInfo reads what disk holds of a batch; Counts are those of its finished segments. Errors: ErrNotFound, or a failure to read.
func readInfo(r pebble.Reader, id ID) (i Info, err error) {
	lower, _ := format.BatchBounds(id)
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: format.BatchKey(id, format.PartIndex)})
	if err != nil {
		return i, fmt.Errorf("queue: read: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	return infoAt(it, id)
}

// infoAt does readInfo's work with an iterator over more batches than one.
func infoAt(it *pebble.Iterator, id ID) (i Info, err error) {
	i.ID = id
	published := false
	for it.SeekGE(format.BatchKey(id, 0)); isUnder(it, id); it.Next() {
		_, part, _, err := format.ParseBatchKey(it.Key())
		if err != nil {
			return i, err
		}
		if part == format.PartIndex {
			break
		}
		published = published || part == format.PartHead
		if err := i.take(part, it); err != nil {
			return i, err
		}
	}
	if err := it.Error(); err != nil {
		return i, fmt.Errorf("queue: read: %w", err)
	}
	if !published {
		return i, ErrNotFound
	}
	return i, nil
}

// take reads the part of a batch that it stands on.
func (i *Info) take(part format.Part, it *pebble.Iterator) error {
	v, err := it.ValueAndErr()
	if err != nil {
		return fmt.Errorf("queue: read: %w", err)
	}
	switch part {
	case format.PartControl:
		i.Control, err = format.DecodeControl(v)
	case format.PartCounts:
		i.Counts, err = format.DecodeCounts(v)
	case format.PartHead:
		var h format.Head
		h, err = format.DecodeHead(v)
		i.Tenant, i.Head, i.Created = h.Tenant, bytes.Clone(h.Opaque), format.Time(h.Created)
	}
	return err
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
