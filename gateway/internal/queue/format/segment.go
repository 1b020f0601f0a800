package format

import (
	"encoding/binary"
	"math"
)

// Header is what is known of a live segment beside its payload. Times are in milliseconds.
type Header struct {
	Batch    ID
	First    uint32  // index in the batch of the first recipient
	Count    int     // of recipients
	Initial  []State // nil: all Queued
	Lane     string
	Priority uint8
	Due      int64
	Expires  int64 // 0: never
}

// Encode writes a header for DecodeHeader.
func (h *Header) Encode() []byte {
	b := append(make([]byte, 0, 64), Version)
	b = append(b, h.Batch[:]...)
	b = binary.AppendUvarint(b, uint64(h.First))
	b = appendText(b, h.Lane)
	b = append(b, h.Priority)
	b = binary.AppendVarint(b, h.Due)
	b = binary.AppendVarint(b, h.Expires)
	return appendInitial(b, h.Count, h.Initial)
}

// DecodeHeader keeps no part of b.
func DecodeHeader(b []byte) (h Header, err error) {
	r := read(b)
	copy(h.Batch[:], r.take(16))
	h.First = uint32(r.upTo(math.MaxUint32))
	h.Lane = string(r.text())
	h.Priority = r.byte()
	h.Due = r.varint()
	h.Expires = r.varint()
	h.Count, h.Initial = r.initial()
	return h, r.end()
}

// Span is an entry of a batch's index: where one of its segments lies.
type Span struct {
	Number uint64
	Count  int
}

// Encode writes a span for DecodeSpan.
func (s Span) Encode() []byte {
	return binary.AppendUvarint(binary.AppendUvarint([]byte{Version}, s.Number), uint64(s.Count))
}

// DecodeSpan reads what Encode wrote.
func DecodeSpan(b []byte) (s Span, err error) {
	r := read(b)
	s.Number = r.uvarint()
	s.Count = r.count()
	return s, r.end()
}

// Outcome is what is kept of a finished segment: its initial states and every event.
type Outcome struct {
	Count   int
	Initial []State // nil: all Queued
	Events  []byte  // for EachEvent
}

// Encode writes an outcome for DecodeOutcome.
func (o *Outcome) Encode() []byte {
	b := append(make([]byte, 0, 16+len(o.Events)), Version)
	return append(appendInitial(b, o.Count, o.Initial), o.Events...)
}

// DecodeOutcome reads what Encode wrote; Events is a part of b.
func DecodeOutcome(b []byte) (o Outcome, err error) {
	r := read(b)
	o.Count, o.Initial = r.initial()
	o.Events, err = r.rest()
	return o, err
}

// InitialState is the state of acceptance of the recipient at a position.
func (o *Outcome) InitialState(at int) State {
	if o.Initial == nil {
		return Queued
	}
	return o.Initial[at]
}

// appendInitial writes the states of acceptance as runs: count, then (state, length) until count is reached.
func appendInitial(dst []byte, count int, initial []State) []byte {
	dst = binary.AppendUvarint(dst, uint64(count))
	if initial == nil {
		return binary.AppendUvarint(append(dst, byte(Queued)), uint64(count))
	}
	for i := 0; i < len(initial); {
		j := i + 1
		for j < len(initial) && initial[j] == initial[i] {
			j++
		}
		dst = binary.AppendUvarint(append(dst, byte(initial[i])), uint64(j-i))
		i = j
	}
	return dst
}

// count reads how many recipients a segment has: there is none without any.
func (r *reader) count() int {
	n := r.upTo(MaxRecipients)
	if r.err == nil && n == 0 {
		r.damage("segment of nobody")
	}
	return int(n)
}

// initial reads what appendInitial wrote; nil states if all are Queued.
func (r *reader) initial() (count int, list []State) {
	count = r.count()
	for at := 0; at < count && r.err == nil; {
		s, n := r.state(), int(r.upTo(uint64(count-at)))
		if r.err == nil && (n == 0 || s == Retrying) {
			r.damage("run of states")
		}
		if s == Queued && n == count {
			return count, nil
		}
		for range n {
			list = append(list, s)
		}
		at += n
	}
	return count, list
}
