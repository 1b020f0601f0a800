// Package batch holds what was accepted, as pure values: the shared part of a batch (Head), its packed recipients (Packer,
// Segment), and the ids by which both are known (ID).
//
// It promises that what was encoded is decoded again byte for byte, and that damaged or foreign bytes are an error, never a
// panic and never memory beyond a small multiple of their own length. It does not judge what it keeps: addresses,
// variables and headers were checked before they came here.
//
// Both formats begin with a version byte and end with an XXH3 checksum, which finds damage, not forgery. A format that changes
// gets a new version; an older program refuses it with ErrVersion.
//
// No I/O, no clock. ID and Head are plain values; a Packer is for one goroutine; a Segment may be read by several once it is open.
package batch

import "errors"

// The causes an error of this package may wrap.
var (
	ErrID      = errors.New("batch: not an id")                                                          // a text is not an id
	ErrDamaged = errors.New("batch: damaged bytes")                                                      // checksum or structure is wrong
	ErrVersion = errors.New("batch: unknown format version; was it written by a newer version of heed?") // nothing is lost: run that version
)
