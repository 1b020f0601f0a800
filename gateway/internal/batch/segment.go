package batch

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Recipient is one recipient of a batch as it is stored. The slices belong to the segment it was read from.
type Recipient struct {
	To        []byte // as the caller gave it
	Vars      []byte // a flat JSON object, or empty
	ClientRef []byte
	// Code says why a recipient was not simply accepted ("unsubscribe_all", "address_syntax", "duplicate", "rerouted"); empty for the others.
	Code []byte
}

// The payload, version 1:
//
//	version 1 byte | count 4 bytes, little endian | recipients | XXH3 of all before, 8 bytes, little endian
//
// A recipient is a varint head, len(To)<<3 with a bit for each further field that is there, then To, then those fields, each a
// varint length and its bytes. The usual recipient, an address alone, costs two bytes beyond the address.
//
// Not compressed: S2 would take a campaign's recipient from 49 to 30 bytes and double the 16 ns of packing it, and the store compresses what
// it keeps for long anyway (BenchmarkSegment_S2).
const (
	segmentVersion = 1
	recipientsAt   = 1 + 4 // version and count

	hasVars      = 1 << 0
	hasClientRef = 1 << 1
	hasCode      = 1 << 2
	headBits     = 3
)

// Packer packs recipients into a segment payload. The zero Packer is ready; Reset lets one be used again without allocation.
type Packer struct {
	buf []byte
	n   int
}

// Reset empties the packer and keeps its memory.
func (p *Packer) Reset() { p.buf, p.n = p.buf[:0], 0 }

// Append packs r, copying its fields. Cost: one pass; no allocation once the packer has grown.
func (p *Packer) Append(r Recipient) {
	if p.n == 0 {
		p.buf = append(p.buf[:0], segmentVersion, 0, 0, 0, 0)
	}
	p.n++
	head := len(r.To)<<headBits | presence(r)
	b := append(binary.AppendUvarint(p.buf, uint64(head)), r.To...)
	if head&hasVars != 0 {
		b = appendField(b, r.Vars)
	}
	if head&hasClientRef != 0 {
		b = appendField(b, r.ClientRef)
	}
	if head&hasCode != 0 {
		b = appendField(b, r.Code)
	}
	p.buf = b
}

// Len is the number of recipients packed.
func (p *Packer) Len() int { return p.n }

// Size is the length Bytes has now, for callers that cut segments by bytes.
func (p *Packer) Size() int { return max(len(p.buf), recipientsAt) + sumBytes }

// Bytes is the payload; valid until the next call of Append, Bytes or Reset. More recipients may follow.
func (p *Packer) Bytes() []byte {
	if p.n == 0 {
		p.buf = append(p.buf[:0], segmentVersion, 0, 0, 0, 0)
	}
	binary.LittleEndian.PutUint32(p.buf[1:], uint32(p.n))
	payload := appendSum(p.buf)
	p.buf = payload[:len(p.buf)]
	return payload
}

func presence(r Recipient) (bits int) {
	if len(r.Vars) > 0 {
		bits |= hasVars
	}
	if len(r.ClientRef) > 0 {
		bits |= hasClientRef
	}
	if len(r.Code) > 0 {
		bits |= hasCode
	}
	return bits
}

func appendField(b, field []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(field))), field...)
}

// Segment is an opened payload: random access to its recipients. The zero Segment is empty.
type Segment struct {
	payload []byte
	offsets []uint32
}

// Open checks and indexes a payload, reusing s's memory; s keeps payload, which must not change while s is used. Errors wrap ErrDamaged or
// ErrVersion and leave s empty. Cost: one pass, four bytes of memory a recipient.
func (s *Segment) Open(payload []byte) error {
	s.payload, s.offsets = nil, s.offsets[:0]
	if uint64(len(payload)) > math.MaxUint32 {
		return fmt.Errorf("open segment: %w: longer than 4 GiB", ErrDamaged)
	}
	body, err := checked(payload, segmentVersion)
	if err != nil {
		return fmt.Errorf("open segment: %w", err)
	}
	if !s.index(payload[:1+len(body)]) {
		s.offsets = s.offsets[:0]
		return fmt.Errorf("open segment: %w: recipients", ErrDamaged)
	}
	s.payload = payload
	return nil
}

// index notes where each recipient begins; false if b does not hold exactly the recipients it counts.
func (s *Segment) index(b []byte) bool {
	if len(b) < recipientsAt {
		return false
	}
	// A recipient takes a byte at least, which bounds the memory a damaged count can ask for.
	n := int(binary.LittleEndian.Uint32(b[1:]))
	if n > len(b)-recipientsAt {
		return false
	}
	s.offsets = slices.Grow(s.offsets, n)
	at := recipientsAt
	for range n {
		s.offsets = append(s.offsets, uint32(at))
		size := recipientSize(b[at:])
		if size <= 0 {
			return false
		}
		at += size
	}
	return at == len(b)
}

// recipientSize is the length of the recipient b begins with; 0 if there is none.
func recipientSize(b []byte) int {
	head, at := binary.Uvarint(b)
	to := head >> headBits
	if at <= 0 || to > uint64(len(b)-at) {
		return 0
	}
	at += int(to)
	for fields := head & (hasVars | hasClientRef | hasCode); fields != 0; fields &= fields - 1 {
		length, n := binary.Uvarint(b[at:])
		if n <= 0 || length > uint64(len(b)-at-n) {
			return 0
		}
		at += n + int(length)
	}
	return at
}

// Len is the number of recipients.
func (s *Segment) Len() int { return len(s.offsets) }

// At is recipient i; its slices lie in the payload. Requires: 0 ≤ i < Len. Cost: no allocation.
func (s *Segment) At(i int) Recipient {
	b := s.payload[s.offsets[i]:]
	head, n := binary.Uvarint(b)
	to := n + int(head>>headBits)
	r := Recipient{To: b[n:to:to]}
	b = b[to:]
	if head&hasVars != 0 {
		r.Vars, b = cutField(b)
	}
	if head&hasClientRef != 0 {
		r.ClientRef, b = cutField(b)
	}
	if head&hasCode != 0 {
		r.Code, _ = cutField(b)
	}
	return r
}

// cutField takes a field off the front of b. Requires: b was indexed.
func cutField(b []byte) (field, rest []byte) {
	length, n := binary.Uvarint(b)
	end := n + int(length)
	return b[n:end:end], b[end:]
}
