package format

import (
	"encoding/binary"
	"fmt"
)

func appendText[T string | []byte](dst []byte, s T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// reader takes a value apart. After the first damage every answer is zero and err is set.
type reader struct {
	b   []byte
	err error
}

// read begins a value that starts with Version.
func read(b []byte) *reader {
	r := &reader{b: b}
	if v := r.byte(); r.err == nil && v != Version {
		r.damage(fmt.Sprintf("format %d, this version reads %d", v, Version))
	}
	return r
}

func (r *reader) damage(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrDamaged, what)
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
	if r.err == nil && !s.Valid() {
		r.damage("state")
		return 0
	}
	return s
}

// rest is all that is left, and the damage met so far.
func (r *reader) rest() ([]byte, error) { return r.b, r.err }

// end is the damage met, bytes left over included.
func (r *reader) end() error {
	if r.err == nil && len(r.b) > 0 {
		r.damage("bytes left over")
	}
	return r.err
}
