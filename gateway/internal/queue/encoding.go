package queue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// format is the first byte of every value: a reader refuses what it does not know.
const format = 1

// maxRecipients bounds a segment, so that a damaged count cannot ask for much memory.
const maxRecipients = 1 << 16

// maxText bounds each text of a result in bytes; longer ones are cut. RFC 5321 §4.5.3.1.5 allows 512 to a reply line.
const maxText = 1024

var errDamaged = errors.New("queue: damaged record")

// millis is a time as it is kept: milliseconds since 1970, 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func appendText[T string | []byte](dst []byte, s T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// reader takes a value apart. After the first damage every answer is zero and err is set.
type reader struct {
	b   []byte
	err error
}

func (r *reader) damage(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", errDamaged, what)
	}
	r.b = nil
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.damage("cut short")
		return nil
	}
	head := r.b[:n:n]
	r.b = r.b[n:]
	return head
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) format() {
	if f := r.byte(); r.err == nil && f != format {
		r.damage(fmt.Sprintf("format %d, this version reads %d", f, format))
	}
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.damage("number")
		return 0
	}
	r.b = r.b[n:]
	return v
}

// upTo reads a number that may not exceed limit.
func (r *reader) upTo(limit uint64) uint64 {
	v := r.uvarint()
	if v > limit {
		r.damage("number too large")
		return 0
	}
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.damage("number")
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) text() []byte { return r.take(r.uvarint()) }

func (r *reader) state() State {
	s := State(r.byte())
	if r.err == nil && (s < Queued || s >= states) {
		r.damage("state")
		return 0
	}
	return s
}

func (r *reader) end() error {
	if r.err == nil && len(r.b) > 0 {
		r.damage("bytes left over")
	}
	return r.err
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

// initial reads what appendInitial wrote; nil states if all are Queued.
func (r *reader) initial() (count int, list []State) {
	count = int(r.upTo(maxRecipients))
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

// header is what is known of a live segment beside its payload.
type header struct {
	id       ID
	first    uint32
	count    int
	initial  []State
	lane     string
	priority uint8
	due      int64
	expires  int64
}

func (h *header) encode() []byte {
	b := append(make([]byte, 0, 64), format)
	b = append(b, h.id[:]...)
	b = binary.AppendUvarint(b, uint64(h.first))
	b = appendText(b, h.lane)
	b = append(b, h.priority)
	b = binary.AppendVarint(b, h.due)
	b = binary.AppendVarint(b, h.expires)
	return appendInitial(b, h.count, h.initial)
}

func decodeHeader(b []byte) (h header, err error) {
	r := reader{b: b}
	r.format()
	copy(h.id[:], r.take(16))
	h.first = uint32(r.upTo(math.MaxUint32))
	h.lane = string(r.text())
	h.priority = r.byte()
	h.due = r.varint()
	h.expires = r.varint()
	h.count, h.initial = r.initial()
	return h, r.end()
}

// span is an entry of a batch's index: where one of its segments lies.
type span struct {
	number uint64
	count  int
}

func (s span) encode() []byte {
	return binary.AppendUvarint(binary.AppendUvarint([]byte{format}, s.number), uint64(s.count))
}

func decodeSpan(b []byte) (s span, err error) {
	r := reader{b: b}
	r.format()
	s.number = r.uvarint()
	s.count = int(r.upTo(maxRecipients))
	return s, r.end()
}

// head is what is known of a batch as a whole.
type head struct {
	tenant  string
	created int64
	opaque  []byte
}

func (h *head) encode() []byte {
	b := append(make([]byte, 0, 32+len(h.tenant)+len(h.opaque)), format)
	b = binary.AppendVarint(b, h.created)
	return append(appendText(b, h.tenant), h.opaque...)
}

// decodeHead keeps no part of b but opaque.
func decodeHead(b []byte) (h head, err error) {
	r := reader{b: b}
	r.format()
	h.created = r.varint()
	h.tenant = string(r.text())
	h.opaque = r.b
	return h, r.err
}

func (c *Counts) encode() []byte {
	b := []byte{format}
	for _, n := range c {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

func decodeCounts(b []byte) (c Counts, err error) {
	r := reader{b: b}
	r.format()
	for i := range c {
		c[i] = r.uvarint()
	}
	return c, r.end()
}

func decodeControl(b []byte) (Control, error) {
	r := reader{b: b}
	r.format()
	c := Control(r.byte())
	if c > Stopped {
		r.damage("control")
	}
	return c, r.end()
}

// groupEvents are the events of a group as it is stored.
func groupEvents(group []byte) ([]byte, error) {
	r := reader{b: group}
	r.format()
	return r.b, r.err
}

// appendEvent writes one result. A group is a format byte and such events one after the other.
func appendEvent(dst []byte, index int, e *Event) []byte {
	dst = binary.AppendUvarint(dst, uint64(index))
	dst = append(dst, byte(e.State))
	dst = binary.AppendVarint(dst, millis(e.At))
	dst = binary.AppendUvarint(dst, uint64(e.Attempt))
	dst = appendText(dst, cut(e.Code))
	dst = appendText(dst, cut(e.Detail))
	dst = appendText(dst, cut(e.ProviderID))
	if e.State == Retrying {
		dst = binary.AppendVarint(dst, millis(e.RetryAt))
	}
	return dst
}

func cut(s string) string { return s[:min(len(s), maxText)] }

// rawEvent is an event as it lies in a group; its texts are parts of the group.
type rawEvent struct {
	index                    int
	state                    State
	at, retryAt              int64
	attempt                  int
	code, detail, providerID []byte
}

func (e *rawEvent) event() Event {
	return Event{At: fromMillis(e.at), State: e.state, Attempt: e.attempt, Code: string(e.code), Detail: string(e.detail),
		ProviderID: string(e.providerID), RetryAt: fromMillis(e.retryAt)}
}

// rawEvent reads one event of a segment of count recipients.
func (r *reader) rawEvent(count int) (e rawEvent) {
	e.index = int(r.uvarint())
	if r.err == nil && (e.index < 0 || e.index >= count) {
		r.damage("index")
	}
	e.state = r.state()
	e.at = r.varint()
	e.attempt = int(r.upTo(math.MaxInt32))
	e.code, e.detail, e.providerID = r.text(), r.text(), r.text()
	if e.state == Retrying {
		e.retryAt = r.varint()
	}
	if r.err == nil && e.state == Queued {
		r.damage("state of an event")
	}
	return e
}

// eachEvent calls fn with every event of a segment of count recipients, in the order in which they were recorded.
func eachEvent(events []byte, count int, fn func(*rawEvent)) error {
	r := reader{b: events}
	for r.err == nil && len(r.b) > 0 {
		if e := r.rawEvent(count); r.err == nil {
			fn(&e)
		}
	}
	return r.err
}

// outcome is what is kept of a finished segment: its initial states and every event.
type outcome struct {
	count   int
	initial []State
	events  []byte
}

func (o *outcome) encode() []byte {
	b := append(make([]byte, 0, 16+len(o.events)), format)
	return append(appendInitial(b, o.count, o.initial), o.events...)
}

func decodeOutcome(b []byte) (o outcome, err error) {
	r := reader{b: b}
	r.format()
	o.count, o.initial = r.initial()
	o.events = r.b
	return o, r.err
}

func appendRecord(dst []byte, rec *Record) []byte {
	return append(binary.AppendVarint(append(dst, format), millis(rec.Expires)), rec.Value...)
}

func decodeRecord(b []byte) (value []byte, expires int64, err error) {
	r := reader{b: b}
	r.format()
	expires = r.varint()
	return r.b, expires, r.err
}
