package queue

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"heed/gateway/internal/queue/format"
)

// writeRecords puts records and, for those that expire, their place among the expiries into wb; never one that the sweeper has passed.
func (q *Queue) writeRecords(wb *pebble.Batch, list []Record) (err error) {
	for i := range list {
		r := &list[i]
		k := format.RecordKey(r.Space, r.Key)
		err = errors.Join(err, wb.Set(k, format.EncodeRecord(r.Value, format.Millis(r.Expires)), nil))
		if !r.Expires.IsZero() {
			err = errors.Join(err, wb.Set(format.ExpiryKey(max(format.Millis(r.Expires), q.now()), k), nil, nil))
		}
	}
	return err
}

// Put writes records in one synced commit, replacing those of the same name. Errors: ErrMisuse, ErrClosed, the store's failure.
func (q *Queue) Put(r ...Record) error {
	if err := format.CheckRecords(r); err != nil {
		return err
	}
	return q.change(func(wb *pebble.Batch) error { return q.writeRecords(wb, r) })
}

// Delete removes a record in one synced commit; one that is not there is no error.
func (q *Queue) Delete(space, key string) error {
	if err := format.CheckSpace(space); err != nil {
		return err
	}
	return q.change(func(wb *pebble.Batch) error { return wb.Delete(format.RecordKey(space, key), nil) })
}

// change makes a synced commit of what fill puts into it.
func (q *Queue) change(fill func(*pebble.Batch) error) error {
	if err := q.enterWrite(); err != nil {
		return err
	}
	defer q.exit()
	q.recording.RLock()
	defer q.recording.RUnlock()
	wb := q.store.db.NewBatch()
	if err := fill(wb); err != nil {
		return err
	}
	return q.store.commit(wb, pebble.Sync)
}

// Get answers a copy of a record's value, ErrNotFound for a missing or expired one.
func (q *Queue) Get(space, key string) ([]byte, error) {
	if err := format.CheckSpace(space); err != nil {
		return nil, err
	}
	if err := q.enter(); err != nil {
		return nil, err
	}
	defer q.exit()
	v, err := q.store.get(q.store.db, format.RecordKey(space, key))
	if err != nil {
		return nil, err
	}
	value, expires, err := format.DecodeRecord(v)
	if err == nil && expired(expires, q.now()) {
		return nil, ErrNotFound
	}
	return value, err
}

func expired(expires, now int64) bool { return expires != 0 && expires <= now }

// List answers a space's records whose keys come after `after` in order of bytes, at most limit of them, expired ones left out.
func (q *Queue) List(space, after string, limit int) (keys []string, values [][]byte, err error) {
	if err := format.CheckSpace(space); err != nil || limit < 1 {
		return nil, nil, cmp.Or(err, fmt.Errorf("%w: limit %d", ErrMisuse, limit))
	}
	if err := q.enter(); err != nil {
		return nil, nil, err
	}
	defer q.exit()
	now := q.now()
	lower, upper := format.RecordBounds(space, after)
	err = scan(q.store.db, lower, upper, func(k, v []byte) (bool, error) {
		value, expires, err := format.DecodeRecord(v)
		if err == nil && !expired(expires, now) {
			keys = append(keys, format.ParseRecordKey(space, k))
			values = append(values, bytes.Clone(value))
		}
		return len(keys) < limit, err
	})
	return keys, values, err
}

// dropRecords drops records that have expired; one that was written again with a later expiry stays.
func (q *Queue) dropRecords() (more bool, err error) {
	q.recording.Lock()
	defer q.recording.Unlock()
	now := q.now()
	keys, err := q.past(q.swept.expired, now)
	if err != nil || len(keys) == 0 {
		return false, err
	}
	wb := q.store.db.NewBatch()
	for _, k := range keys {
		record, err := format.ParseExpiryKey(k)
		if err == nil {
			err = q.dropRecord(wb, record, now)
		}
		if err != nil {
			return false, err
		}
	}
	q.swept.expired, err = q.moveMark(wb, format.MarkExpired(), keys)
	return len(keys) == sweepChunk, err
}

func (q *Queue) dropRecord(wb *pebble.Batch, key []byte, now int64) error {
	v, err := q.store.get(q.store.db, key)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	_, expires, err := format.DecodeRecord(v)
	if err != nil || !expired(expires, now) {
		return err
	}
	return wb.Delete(key, nil)
}
