package store

import "github.com/cockroachdb/pebble/v2"

// Commit makes the records durable, all or none: rows and journal in one synced batch. After an error the store is dead,
// and whether the records survive is unknown until it is opened again. Requires: one Commit at a time; positions
// follow one another without gap from Last on. Cost: one fsync, shared by all the records; no read.
func (s *Store) Commit(records []Record) error {
	return s.write(batchSize(records), func(b *pebble.Batch) error {
		now, err := fill(b, records, s.history)
		s.history = now
		return err
	})
}

// ForgetJournal removes the records up to position, which must be before the last one. After an error the store is dead.
func (s *Store) ForgetJournal(position uint64) error {
	return s.write(0, func(b *pebble.Batch) error {
		return b.DeleteRange(journalKey(0), journalKey(position+1), nil)
	})
}

// write makes what fill puts in a batch durable.
// Invariant: the next write begins when this one is on stable storage. The log's reader counts on it (findDamage).
func (s *Store) write(size int, fill func(*pebble.Batch) error) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	err := s.fuse.do(func() error {
		b := s.db.NewBatchWithSize(size)
		defer b.Close()
		if err := fill(b); err != nil {
			return err
		}
		return b.Commit(pebble.Sync)
	})
	if err != nil {
		s.fuse.blow("write: " + err.Error())
	}
	return s.Failed()
}

// batchSize is about what a batch of the records takes, each change twice: as a row and in the journal.
func batchSize(records []Record) int {
	const head, record, change = 12, 32, 64
	n := head
	for i := range records {
		n += record + change*len(records[i].Changes)
	}
	return n
}

// fill writes the records into b and gives the history with them.
func fill(b *pebble.Batch, records []Record, history uint64) (uint64, error) {
	var key, value []byte
	for i := range records {
		var err error
		if value, err = records[i].append(value[:0], &history, func(k, entry []byte) error {
			key = append(append(key[:0], rowSpace), k...)
			return b.Merge(key, entry, nil)
		}); err != nil {
			return 0, err
		}
		if err := b.Set(journalKey(records[i].Position), value, nil); err != nil {
			return 0, err
		}
	}
	return history, nil
}
