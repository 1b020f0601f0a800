package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"heed/gateway/internal/queue/format"
)

const (
	sweepEvery = 10 * time.Second
	sweepChunk = 1024 // batches or records that one commit drops
)

// marks say how far the sweeper has come: what lies before them has been dropped. They are kept on disk with the deletions they stand for,
// so no scan walks over tombstones, in this process or the next.
type marks struct {
	done    []byte
	expired []byte
}

// sweep drops what is past its time, again and again.
func (q *Queue) sweep(ctx context.Context) error {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		if err := q.sweepOnce(ctx); err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// sweepOnce drops all that is past its time now, in commits of bounded size. They are not synced: after a crash the same is dropped again.
func (q *Queue) sweepOnce(ctx context.Context) error {
	for _, step := range []func() (bool, error){q.dropBatches, q.dropRecords} {
		for more := true; more && ctx.Err() == nil; {
			if err := q.enterWrite(); err != nil {
				return err
			}
			var err error
			more, err = step()
			q.exit()
			if err != nil {
				return q.store.fail(fmt.Errorf("queue: sweep: %w", err))
			}
		}
	}
	return nil
}

// past collects the keys of a space of time that lie between a mark and a time, at most sweepChunk of them.
func (q *Queue) past(mark []byte, until int64) (keys [][]byte, err error) {
	upper := format.TimeKey(format.Space(mark[0]), until)
	if bytes.Compare(mark, upper) >= 0 {
		return nil, nil
	}
	err = scan(q.store.db, mark, upper, func(k, _ []byte) (bool, error) {
		keys = append(keys, bytes.Clone(k))
		return len(keys) < sweepChunk, nil
	})
	return keys, err
}

// dropBatches drops batches whose last recipient became final longer ago than retention; more says that it may not have been all.
func (q *Queue) dropBatches() (more bool, err error) {
	keys, err := q.past(q.swept.done, q.now()-q.o.Retention.Milliseconds())
	if err != nil || len(keys) == 0 {
		return false, err
	}
	ids := make([]ID, len(keys))
	for i, k := range keys {
		if ids[i], err = format.ParseFinishedKey(k); err != nil {
			return false, err
		}
	}
	wb := q.store.db.NewBatch()
	numbers, err := q.dropHeads(wb, ids)
	if err != nil {
		return false, err
	}
	if err := dropSegments(wb, numbers); err != nil {
		return false, err
	}
	q.swept.done, err = q.moveMark(wb, format.MarkFinished(), keys)
	return len(keys) == sweepChunk, err
}

// dropSegments drops finished segments, neighbours in one range.
func dropSegments(wb *pebble.Batch, numbers []uint64) (err error) {
	for _, run := range runs(numbers) {
		for _, space := range []format.Space{format.Payloads, format.Outcomes} {
			err = errors.Join(err, wb.DeleteRange(format.SegmentKey(space, run.from), format.SegmentKey(space, run.to), nil))
		}
	}
	return err
}

// moveMark commits wb with the keys of a space of time dropped and its mark moved behind the last of them.
func (q *Queue) moveMark(wb *pebble.Batch, name []byte, keys [][]byte) (mark []byte, err error) {
	mark = format.After(keys[len(keys)-1])
	if err := errors.Join(wb.DeleteRange(keys[0], mark, nil), wb.Set(name, mark, nil)); err != nil {
		return nil, err
	}
	return mark, q.store.commit(wb, pebble.NoSync)
}

// dropHeads drops all that lies under the batches' ids, neighbours in one range, and returns their segments' numbers.
func (q *Queue) dropHeads(wb *pebble.Batch, ids []ID) (numbers []uint64, err error) {
	slices.SortFunc(ids, compareIDs)
	ids = slices.Compact(ids)
	it, err := q.store.db.NewIter(&pebble.IterOptions{LowerBound: format.Batches.Start(), UpperBound: format.Batches.End()})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for len(ids) > 0 {
		lower, upper := format.BatchBounds(ids[0])
		it.SeekGE(lower)
		for ; len(ids) > 0 && isUnder(it, ids[0]); ids = ids[1:] {
			if numbers, err = walk(it, ids[0], numbers); err != nil {
				return nil, err
			}
			_, upper = format.BatchBounds(ids[0])
		}
		if err := wb.DeleteRange(lower, upper, nil); err != nil {
			return nil, err
		}
		if len(ids) > 0 && bytes.Equal(lower, format.BatchKey(ids[0], 0)) {
			return nil, fmt.Errorf("%w: finished batch without a head", format.ErrDamaged)
		}
	}
	return numbers, it.Error()
}

func isUnder(it *pebble.Iterator, id ID) bool {
	return it.Valid() && bytes.HasPrefix(it.Key()[1:], id[:])
}

// walk moves it past a batch and adds the numbers of the batch's segments.
func walk(it *pebble.Iterator, id ID, numbers []uint64) ([]uint64, error) {
	for ; isUnder(it, id); it.Next() {
		_, part, _, err := format.ParseBatchKey(it.Key())
		if err != nil {
			return nil, err
		}
		if part != format.PartIndex {
			continue
		}
		s, err := spanAt(it)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, s.Number)
	}
	return numbers, nil
}

// spanAt reads the entry of a batch's index that it stands on.
func spanAt(it *pebble.Iterator) (s format.Span, err error) {
	v, err := it.ValueAndErr()
	if err != nil {
		return s, fmt.Errorf("queue: read: %w", err)
	}
	return format.DecodeSpan(v)
}

// run is a range of numbers, to excluded.
type run struct{ from, to uint64 }

// runs puts numbers together into as few ranges as hold them and no other.
func runs(numbers []uint64) (list []run) {
	slices.Sort(numbers)
	for _, n := range numbers {
		if last := len(list) - 1; last >= 0 && list[last].to == n {
			list[last].to++
		} else {
			list = append(list, run{n, n + 1})
		}
	}
	return list
}
