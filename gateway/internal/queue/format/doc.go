// Package format is how the queue lies on disk: the words that are stored, the keys, and the values beneath them. It is pure: no
// Pebble, no clock, no lock; everything in it is safe for concurrent use.
//
// # What lies where
//
// One store holds these spaces. seg is a number that grows with every segment; times are seconds in 8 bytes; all numbers in keys big-endian.
//
//	B id 'h'           batch    tenant, created, opaque head; its presence is what publishes a batch
//	B id 'k'                    counts of the batch's finished segments
//	B id 'c'                    control, absent while Running
//	B id 'x' first              where the segment that begins at index first lies: seg, count
//	S seg              payload  as it was handed in
//	H seg              header   of a live segment: batch, first, count, initial states, lane, priority, due, expires
//	R seg n            results  group n of a live segment: (index, state, at, attempt, code, detail, provider id, retry at)...
//	O seg              outcome  of a finished segment: initial states and all its results; takes the place of H and R
//	F time id          finished batches in the order in which retention ends
//	G id               stages   not committed: what a start clears away
//	P space 0 key      records  expires, value
//	E time P-key       expiries of records
//	M name             marks    low-water keys of H and R, F, E: scans start there, past what was deleted before
//
// Every value but payloads and marks begins with Version. Every reader takes hostile bytes: it answers ErrDamaged for what it does
// not know and asks for no more memory than a segment of MaxRecipients needs.
package format

import (
	"errors"
	"time"
)

// Version is the first byte of a value: a reader refuses what it does not know.
const Version = 1

// MaxRecipients bounds a segment, so that a damaged count cannot ask for much memory.
const MaxRecipients = 1 << 16

// ErrDamaged is wrapped by the error of every reader.
var ErrDamaged = errors.New("queue: damaged record")

// Millis is a time as it is kept: milliseconds since 1970, 0 for the zero time.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Time reads what Millis wrote, in UTC.
func Time(millis int64) time.Time {
	if millis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}
