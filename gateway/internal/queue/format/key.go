package format

import (
	"encoding/binary"
	"fmt"
)

// Space is the first byte of a key; the package comment draws what lies in each.
type Space byte

// The spaces.
const (
	Batches  Space = 'B'
	Expiries Space = 'E'
	Finished Space = 'F'
	Stages   Space = 'G'
	Headers  Space = 'H'
	Marks    Space = 'M'
	Outcomes Space = 'O'
	Records  Space = 'P'
	Results  Space = 'R'
	Payloads Space = 'S'
)

// Start is a key before all keys of the space.
func (s Space) Start() []byte { return []byte{byte(s)} }

// End is the first key after the space.
func (s Space) End() []byte { return []byte{byte(s) + 1} }

// Part is one of the things that lie under a batch's id.
type Part byte

// The parts of a batch, in the order in which they lie.
const (
	PartControl Part = 'c'
	PartHead    Part = 'h'
	PartCounts  Part = 'k'
	PartIndex   Part = 'x' // one a segment
)

// MarkLow is the key of the mark below which no live segment's number lies.
func MarkLow() []byte { return []byte{byte(Marks), 'l'} }

// MarkFinished is the key of the mark before which no finished batch lies.
func MarkFinished() []byte { return []byte{byte(Marks), 'f'} }

// MarkExpired is the key of the mark before which no expiry lies.
func MarkExpired() []byte { return []byte{byte(Marks), 'e'} }

// SegmentKey is the key of a segment in Payloads, Headers or Outcomes, and what its keys in Results begin with.
func SegmentKey(s Space, number uint64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, 9), byte(s)), number)
}

// ParseSegmentKey reads the number out of a SegmentKey of any space.
func ParseSegmentKey(k []byte) (number uint64, err error) {
	if len(k) != 9 {
		return 0, fmt.Errorf("%w: key of a segment", ErrDamaged)
	}
	return binary.BigEndian.Uint64(k[1:]), nil
}

// ResultKey is the key of a group of results of a segment.
func ResultKey(number uint64, group uint32) []byte {
	k := append(make([]byte, 0, 13), byte(Results))
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(k, number), group)
}

// ParseResultKey reads what ResultKey wrote.
func ParseResultKey(k []byte) (number uint64, group uint32, err error) {
	if len(k) != 13 {
		return 0, 0, fmt.Errorf("%w: key of results", ErrDamaged)
	}
	return binary.BigEndian.Uint64(k[1:]), binary.BigEndian.Uint32(k[9:]), nil
}

// BatchKey is the key of a part of a batch; all but PartIndex have one key.
func BatchKey(id ID, p Part) []byte {
	return append(append(append(make([]byte, 0, 18), byte(Batches)), id[:]...), byte(p))
}

// BatchBounds are the first key of a batch and the first key after it.
func BatchBounds(id ID) (lower, upper []byte) { return BatchKey(id, 0), BatchKey(id, 0xff) }

// IndexKey is the key of the Span of a batch's segment that begins at index first.
func IndexKey(id ID, first uint32) []byte {
	k := append(append(append(make([]byte, 0, 22), byte(Batches)), id[:]...), byte(PartIndex))
	return binary.BigEndian.AppendUint32(k, first)
}

// ParseBatchKey reads what BatchKey and IndexKey wrote; first is 0 for all parts but PartIndex.
func ParseBatchKey(k []byte) (id ID, p Part, first uint32, err error) {
	switch {
	case len(k) == 22 && Part(k[17]) == PartIndex:
		first = binary.BigEndian.Uint32(k[18:])
	case len(k) != 18 || Part(k[17]) == PartIndex:
		return id, 0, 0, fmt.Errorf("%w: key of a batch", ErrDamaged)
	}
	return ID(k[1:17]), Part(k[17]), first, nil
}

// StageKey is the key that says that a batch is in the making.
func StageKey(id ID) []byte { return append(Stages.Start(), id[:]...) }

// ParseStageKey reads what StageKey wrote.
func ParseStageKey(k []byte) (id ID, err error) {
	if len(k) != 17 {
		return id, fmt.Errorf("%w: key of a stage", ErrDamaged)
	}
	return ID(k[1:]), nil
}

// TimeKey begins the keys of Finished and Expiries, which lie in order of time, to the second.
func TimeKey(s Space, millis int64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, 32), byte(s)), uint64(max(0, millis)/1000))
}

// FinishedKey orders batches by the time at which their last recipient became final.
func FinishedKey(millis int64, id ID) []byte { return append(TimeKey(Finished, millis), id[:]...) }

// ParseFinishedKey reads the batch out of a FinishedKey.
func ParseFinishedKey(k []byte) (id ID, err error) {
	if len(k) != 25 {
		return id, fmt.Errorf("%w: key of a finished batch", ErrDamaged)
	}
	return ID(k[9:]), nil
}

// RecordKey is the key of a record. Requires: space is not empty and holds no NUL.
func RecordKey(space, key string) []byte {
	k := append(make([]byte, 0, 2+len(space)+len(key)), byte(Records))
	return append(append(append(k, space...), 0), key...)
}

// RecordBounds are the bounds of a space's records whose keys come after `after`, of all of them if that is "".
func RecordBounds(space, after string) (lower, upper []byte) {
	lower, upper = RecordKey(space, after), RecordKey(space, "")
	if after != "" {
		lower = After(lower)
	}
	upper[len(upper)-1] = 1
	return lower, upper
}

// ParseRecordKey reads the key out of a RecordKey of a known space.
func ParseRecordKey(space string, k []byte) string { return string(k[len(space)+2:]) }

// ExpiryKey orders records by the time they expire; what follows the time is the record's own key.
func ExpiryKey(millis int64, record []byte) []byte {
	return append(TimeKey(Expiries, millis), record...)
}

// ParseExpiryKey reads the record's own key out of an ExpiryKey. It is a part of k.
func ParseExpiryKey(k []byte) (record []byte, err error) {
	if len(k) < 9 {
		return nil, fmt.Errorf("%w: key of an expiry", ErrDamaged)
	}
	return k[9:], nil
}

// After is the first key behind k.
func After(k []byte) []byte { return append(append(make([]byte, 0, len(k)+1), k...), 0) }
