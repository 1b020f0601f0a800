package optout

import (
	"encoding/binary"

	"heed/suppression"
	"heed/suppression/policy"
)

// Token is what an unsubscribe link says, signed, and with no address inside in clear (RFC 8058 §3.1). It never expires.
type Token struct {
	Tenant  string
	Channel policy.Channel
	Key     suppression.Key
	Family  suppression.Key // zero if the address has none
	Topic   string          // "" = all
	Class   policy.Class
	Batch   [16]byte
	Index   uint32
	Day     uint32 // days since 1970-01-01 UTC of issue
}

// MaxNames is how long Tenant and Topic may be together, in bytes, so that a link stays below 1 KiB.
const MaxNames = 512

// A payload is
//
//	1 byte   channel in bits 0-1, class in bits 2-4, bit 5 set if a family key follows, other bits zero
//	16 bytes key
//	16 bytes family key, if bit 5 is set
//	16 bytes batch
//	uvarint  index
//	uvarint  day
//	uvarint  length of the tenant, then the tenant
//	the rest the topic
//
// Its version is the "v1" in front of it.
const (
	classShift = 2
	hasFamily  = 1 << 5
	maxPayload = 1 + 3*16 + 3*binary.MaxVarintLen32 + MaxNames
)

func appendPayload(dst []byte, t Token) []byte {
	head := byte(t.Channel) | byte(t.Class)<<classShift
	if t.Family != (suppression.Key{}) {
		head |= hasFamily
	}
	dst = append(append(dst, head), t.Key[:]...)
	if head&hasFamily != 0 {
		dst = append(dst, t.Family[:]...)
	}
	dst = append(dst, t.Batch[:]...)
	dst = binary.AppendUvarint(dst, uint64(t.Index))
	dst = binary.AppendUvarint(dst, uint64(t.Day))
	dst = binary.AppendUvarint(dst, uint64(len(t.Tenant)))
	dst = append(dst, t.Tenant...)
	return append(dst, t.Topic...)
}

// parsePayload reads a payload whose signature was good: what does not parse was written by another version of ours.
func parsePayload(b []byte) (t Token, ok bool) {
	r := reader{b: b}
	head := r.byte()
	t.Channel, t.Class = policy.Channel(head&3), policy.Class(head>>classShift&7)
	t.Key = r.key()
	if head&hasFamily != 0 {
		t.Family = r.key()
	}
	t.Batch = r.key()
	t.Index, t.Day = r.uint32(), r.uint32()
	t.Tenant = r.text()
	t.Topic = string(r.b)
	known := t.Channel == policy.Email || t.Channel == policy.SMS
	return t, known && !r.short && head < hasFamily<<1
}

// reader takes fields from the front of b; short is set once one was missing or out of range.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n uint64) []byte {
	if r.short || n > uint64(len(r.b)) {
		r.short = true
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) key() (k [16]byte) {
	copy(k[:], r.take(16))
	return k
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.short = true
		return 0
	}
	r.take(uint64(n))
	return v
}

func (r *reader) uint32() uint32 {
	v := r.uvarint()
	r.short = r.short || v>>32 != 0
	return uint32(v)
}

func (r *reader) text() string { return string(r.take(r.uvarint())) }
