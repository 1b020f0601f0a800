package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

// A log of Pebble is a row of blocks of 32 KiB, and a block a row of chunks; what is left at a block's end is zero:
//
//	offset  bytes
//	     0      4  masked CRC-32C of all that follows
//	     4      2  length of the payload
//	     6      1  kind: 9..12, or 5..8 for chunks without a promise, which a store's first log and every log's end have
//	     7      4  number of the log; one more in the chunk that ends it
//	    11      8  promise: the log was on stable storage up to this offset when the chunk was made
//	    19         payload
//
// (record/record.go of Pebble; little-endian.) A crash may leave anything behind the last sync, so a chunk that cannot be
// read ends the log, as a rule. Pebble calls it damage if a chunk in a later block promises that it was on stable storage.
// That leaves out the block of the damage, and the promises are too small: Pebble does not count in them the blocks that
// were full when they were written. But in this store each write begins when the one before it is on
// stable storage (Store.write), so the beginning of a later record proves as much as a promise.
const (
	walBlock  = 32 << 10
	walHeader = 19
	// walPlain is the size of a header without a promise.
	walPlain  = 11
	walKind   = 6 // offset of the kind
	walNumber = 7 // offset of the log's number
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// scan is a reading of one log from its start.
type scan struct {
	number [4]byte
	gap    int64 // where the readable chunks end; -1: they have not yet
	closed bool  // what stands at the gap is the chunk that ends a log, or looks like it
}

// findDamage reads a log to its end or to the proof that what stands at s.gap has been damaged. Of the last write nothing
// can be proved: it looks the same torn and damaged. Memory: one block.
func findDamage(r io.Reader, number uint32) (s scan, damaged bool, err error) {
	s.gap = -1
	binary.LittleEndian.PutUint32(s.number[:], number)
	block := make([]byte, walBlock)
	for base := int64(0); ; base += walBlock {
		n, err := io.ReadFull(r, block)
		if s.block(base, block[:n]) {
			return s, true, nil
		}
		if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
			return s, false, nil
		}
		if err != nil {
			return s, false, err
		}
	}
}

// block takes the block at offset base and reports whether it proves damage.
func (s *scan) block(base int64, b []byte) bool {
	at := 0
	if s.gap < 0 {
		if at = s.follow(b); at == len(b) {
			return false
		}
		s.gap = base + int64(at)
		s.closed = s.ends(b[at:])
	}
	return s.provesGap(base, b, at)
}

// follow gives where the readable chunks of a block end.
func (s *scan) follow(b []byte) (at int) {
	for at < len(b) {
		size, _, ok := s.chunk(b[at:])
		if !ok && len(b) == walBlock && len(b)-at < walHeader && len(bytes.Trim(b[at:], "\x00")) == 0 {
			return len(b)
		}
		if !ok {
			return at
		}
		at += size
	}
	return at
}

// chunk reads the chunk at the front of b.
func (s *scan) chunk(b []byte) (size int, promise uint64, ok bool) {
	if len(b) < walPlain || !bytes.Equal(b[walNumber:walPlain], s.number[:]) {
		return 0, 0, false
	}
	size = int(binary.LittleEndian.Uint16(b[4:]))
	switch kind := b[walKind]; {
	case 5 <= kind && kind <= 8:
		size += walPlain
	case 9 <= kind && kind <= 12 && len(b) >= walHeader:
		size += walHeader
		promise = binary.LittleEndian.Uint64(b[walPlain:])
	default:
		return 0, 0, false
	}
	ok = size <= len(b) && masked(b[walKind:size]) == binary.LittleEndian.Uint32(b)
	return size, promise, ok
}

// masked is Pebble's checksum (internal/crc).
func masked(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// ends reports whether Pebble takes the front of b for the end of a log that was closed.
func (s *scan) ends(b []byte) bool {
	next := binary.LittleEndian.Uint32(s.number[:]) + 1
	return len(b) >= walPlain && 5 <= b[walKind] && b[walKind] <= 12 && binary.LittleEndian.Uint32(b[walNumber:]) == next
}

// provesGap looks from b[at:] on for a chunk that was made when the gap was on stable storage. Where chunks begin is unknown
// behind a gap, so it looks wherever the log's number stands. A promise beyond the chunk's own place is a chance likeness.
func (s *scan) provesGap(base int64, b []byte, at int) bool {
	for at += walNumber; at < len(b); at++ {
		i := bytes.Index(b[at:], s.number[:])
		if i < 0 {
			return false
		}
		at += i
		start := at - walNumber
		_, promise, ok := s.chunk(b[start:])
		if ok && promise <= uint64(base)+uint64(start) && (begins(b[start:]) || promise > uint64(s.gap)) {
			return true
		}
	}
	return false
}

// begins reports whether a chunk is the first of a record.
func begins(chunk []byte) bool {
	switch chunk[walKind] {
	case 5, 6, 9, 10:
		return true
	}
	return false
}
