package queue

import "encoding/binary"

// The first byte of a key names its space; the layout is drawn in the package comment.
const (
	spaceBatch   = 'B'
	spaceExpiry  = 'E'
	spaceDone    = 'F'
	spaceStage   = 'G'
	spaceHeader  = 'H'
	spaceMark    = 'M'
	spaceOutcome = 'O'
	spaceRecord  = 'P'
	spaceResult  = 'R'
	spacePayload = 'S'
)

// The parts of a batch, in the order in which they lie.
const (
	partControl = 'c'
	partHead    = 'h'
	partCounts  = 'k'
	partIndex   = 'x'
)

var (
	markLow     = []byte{spaceMark, 'l'} // no live segment has a smaller number
	markDone    = []byte{spaceMark, 'f'} // no finished batch lies before this key
	markExpired = []byte{spaceMark, 'e'} // no expiry lies before this key
)

func segmentKey(space byte, number uint64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, 9), space), number)
}

func resultKey(number uint64, group uint32) []byte {
	k := append(make([]byte, 0, 13), spaceResult)
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(k, number), group)
}

func batchKey(id ID, part byte) []byte {
	return append(append(append(make([]byte, 0, 18), spaceBatch), id[:]...), part)
}

func indexKey(id ID, first uint32) []byte {
	k := append(append(append(make([]byte, 0, 22), spaceBatch), id[:]...), partIndex)
	return binary.BigEndian.AppendUint32(k, first)
}

// batchBounds are the first key of a batch and the first key after it.
func batchBounds(id ID) (lower, upper []byte) { return batchKey(id, 0), batchKey(id, 0xff) }

func stageKey(id ID) []byte { return append([]byte{spaceStage}, id[:]...) }

// timeKey begins the keys of a space that lies in order of time, to the second.
func timeKey(space byte, millis int64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, 32), space), uint64(max(0, millis)/1000))
}

func doneKey(millis int64, id ID) []byte { return append(timeKey(spaceDone, millis), id[:]...) }

func recordKey(space, key string) []byte {
	k := append(make([]byte, 0, 2+len(space)+len(key)), spaceRecord)
	return append(append(append(k, space...), 0), key...)
}

// expiryKey orders records by the time they expire; what follows the time is the record's own key.
func expiryKey(millis int64, record []byte) []byte {
	return append(timeKey(spaceExpiry, millis), record...)
}

// spaceEnd is the first key after a space.
func spaceEnd(space byte) []byte { return []byte{space + 1} }

// after is the first key behind k.
func after(k []byte) []byte { return append(append(make([]byte, 0, len(k)+1), k...), 0) }
