package store

import (
	"errors"
	"fmt"

	"heed/suppression/address"

	"github.com/cockroachdb/pebble/v2"
)

// Get appends the set of key to dst; nothing if the store has never heard of it. Cost: one Pebble read.
func (s *Store) Get(dst Set, key address.Key) (Set, error) {
	if err := s.Failed(); err != nil {
		return dst, err
	}
	var buf [rowKeyLen]byte
	value, closer, err := s.db.Get(rowKey(buf[:0], &key))
	if errors.Is(err, pebble.ErrNotFound) {
		return dst, s.Failed()
	}
	if err != nil {
		return dst, s.damage(err)
	}
	defer closer.Close()
	set, err := ParseSet(dst, value)
	return set, s.damage(err)
}

// damage keeps the causes of read errors apart for the caller: ErrCorrupt for bytes that cannot be right.
func (s *Store) damage(err error) error {
	if err != nil && pebble.IsCorruptionError(err) {
		return fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	return err
}

// PresentBatch sets hit[i] to whether keys[i] has an addition (Set.Present). Cost: a read a key; it is what checks fall back
// on while there is no filter.
func (s *Store) PresentBatch(keys []address.Key, hit []bool) error {
	var set Set
	for i := range keys {
		var err error
		if set, err = s.Get(set[:0], keys[i]); err != nil {
			return err
		}
		hit[i] = set.Present()
	}
	return nil
}

// Snapshot is the rows as they were at one moment.
type Snapshot struct {
	store *Store
	snap  *pebble.Snapshot
}

// Snapshot holds the present rows fast until its Close.
func (s *Store) Snapshot() (*Snapshot, error) {
	if err := s.Failed(); err != nil {
		return nil, err
	}
	return &Snapshot{store: s, snap: s.db.NewSnapshot()}, nil
}

func (n *Snapshot) Close() error { return n.snap.Close() }

// Scan calls fn for each key from `from` on, in key order, until fn returns false. The set is fn's only during the call.
func (n *Snapshot) Scan(from address.Key, fn func(address.Key, Set) bool) (err error) {
	o := bounds(rowSpace)
	o.LowerBound = rowKey(nil, &from)
	it, err := n.snap.NewIter(o)
	if err != nil {
		return n.store.damage(err)
	}
	defer func() { err = n.store.damage(errors.Join(err, it.Close())) }()
	var set Set
	for ok := it.First(); ok; ok = it.Next() {
		var key address.Key
		if len(it.Key()) != rowKeyLen {
			return fmt.Errorf("%w: row key of %d bytes", ErrCorrupt, len(it.Key()))
		}
		copy(key[:], it.Key()[1:])
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		if set, err = ParseSet(set[:0], value); err != nil {
			return err
		}
		if !fn(key, set) {
			return nil
		}
	}
	return errors.Join(it.Error(), n.store.Failed())
}

// ErrJournal says that the journal does not reach back to a position, or tells another history of it.
var ErrJournal = errors.New("the journal does not follow on from there")

// Replay calls fn with the changes of each record after the position, in order up to Last. Errors: ErrJournal if the
// record at the position is gone or its history is not the given one; ErrCorrupt; those of fn.
func (s *Store) Replay(after, before uint64, fn func([]Change) error) (err error) {
	o := bounds(journalSpace)
	o.LowerBound = journalKey(after)
	it, err := s.db.NewIter(o)
	if err != nil {
		return s.damage(err)
	}
	defer func() { err = s.damage(errors.Join(err, it.Close())) }()
	at, ok, err := follow(it, after, before)
	for ; ok && err == nil; ok = it.Next() {
		at, err = at.next(it, fn)
	}
	if err = errors.Join(err, it.Error(), s.Failed()); err == nil && at.position != s.last {
		err = fmt.Errorf("%w: it ends at %d, not at %d", ErrCorrupt, at.position, s.last)
	}
	return err
}

// place is a position and the history up to it.
type place struct{ position, history uint64 }

// follow puts it, which is bounded to begin at position, on the record after it, if the journal tells the same history.
func follow(it *pebble.Iterator, position, before uint64) (at place, ok bool, err error) {
	if !it.First() {
		return at, false, errors.Join(it.Error(), fmt.Errorf("%w: position %d is after its end", ErrJournal, position))
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return at, false, err
	}
	at.position, at.history, _, err = splitRecord(it.Key(), value)
	if err == nil && at != (place{position, before}) {
		err = fmt.Errorf("%w: position %d is gone or was another one", ErrJournal, position)
	}
	return at, it.Next(), err
}

// next hands out the record it stands on, which must be the one after p.
func (p place) next(it *pebble.Iterator, fn func([]Change) error) (place, error) {
	value, err := it.ValueAndErr()
	if err != nil {
		return p, err
	}
	position, told, encoded, err := splitRecord(it.Key(), value)
	if err != nil {
		return p, err
	}
	if position != p.position+1 || told != digest(p.history, encoded) {
		return p, fmt.Errorf("%w: journal record %d does not follow on from %d", ErrCorrupt, position, p.position)
	}
	changes, err := parseChanges(encoded)
	if err != nil {
		return p, err
	}
	return place{position, told}, fn(changes)
}
