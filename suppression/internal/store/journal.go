package store

import (
	"encoding/binary"
	"fmt"

	"heed/suppression/address"

	"github.com/zeebo/xxh3"
)

// Change is one entry to be joined to the set of a key.
type Change struct {
	Key   address.Key
	Entry Entry
}

// Record is what happened at one position of the list's history.
type Record struct {
	Position uint64
	Changes  []Change
}

// A journal value is eight bytes of history (big-endian), then the record's changes one after the other: 16 bytes of key,
// then the entry. The history of a record is a digest of its changes and of the history before it, so two stores that
// agree on the history at a position agree on all that came before: a copy restored from a backup and written on differs.
const historyLen = 8

func digest(before uint64, changes []byte) uint64 { return xxh3.HashSeed(changes, before) }

// append appends the journal value and moves the history on. It shows each change's key and entry as they are encoded.
func (r *Record) append(b []byte, history *uint64, show func(key, entry []byte) error) ([]byte, error) {
	start := len(b)
	b = append(b, make([]byte, historyLen)...)
	for i := range r.Changes {
		key := len(b)
		b = append(b, r.Changes[i].Key[:]...)
		entry := len(b)
		b = r.Changes[i].Entry.Append(b)
		if err := show(b[key:entry], b[entry:]); err != nil {
			return b, err
		}
	}
	*history = digest(*history, b[start+historyLen:])
	binary.BigEndian.PutUint64(b[start:], *history)
	return b, nil
}

// splitRecord gives the parts of a journal entry.
func splitRecord(key, value []byte) (position, history uint64, changes []byte, err error) {
	if len(key) != journalKeyLen || len(value) < historyLen {
		return 0, 0, nil, fmt.Errorf("%w: journal key of %d bytes, record of %d", ErrCorrupt, len(key), len(value))
	}
	return binary.BigEndian.Uint64(key[1:]), binary.BigEndian.Uint64(value), value[historyLen:], nil
}

func parseChanges(b []byte) (changes []Change, err error) {
	for len(b) > 0 {
		var c Change
		if len(b) < len(c.Key) {
			return nil, fmt.Errorf("%w: journal record is cut short", ErrCorrupt)
		}
		b = b[copy(c.Key[:], b):]
		if c.Entry, b, err = parseEntry(b); err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, nil
}

const (
	rowSpace     = 'r'
	journalSpace = 'j'
	metaSpace    = 'm'

	rowKeyLen     = 1 + len(address.Key{})
	journalKeyLen = 1 + 8
)

func rowKey(b []byte, key *address.Key) []byte { return append(append(b, rowSpace), key[:]...) }

func journalKey(position uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{journalSpace}, position)
}
