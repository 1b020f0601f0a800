package batch

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/zeebo/xxh3"
)

// sumBytes is the size of the checksum that ends both formats.
const sumBytes = 8

func appendSum(b []byte) []byte { return binary.LittleEndian.AppendUint64(b, xxh3.Hash(b)) }

// checked returns what lies between the version byte and the checksum of b.
// The version is judged first: another version may have another checksum.
func checked(b []byte, version byte) ([]byte, error) {
	if len(b) < 1+sumBytes {
		return nil, fmt.Errorf("%w: %d bytes are too few", ErrDamaged, len(b))
	}
	if b[0] != version {
		return nil, fmt.Errorf("%w (%d, want %d)", ErrVersion, b[0], version)
	}
	end := len(b) - sumBytes
	if binary.LittleEndian.Uint64(b[end:]) != xxh3.Hash(b[:end]) {
		return nil, fmt.Errorf("%w: checksum", ErrDamaged)
	}
	return b[1:end], nil
}

// writer appends fields; reader takes them off again.
type writer struct{ b []byte }

func (w *writer) byte(v byte)   { w.b = append(w.b, v) }
func (w *writer) uint(v uint64) { w.b = binary.AppendUvarint(w.b, v) }
func (w *writer) text(s string) { w.uint(uint64(len(s))); w.b = append(w.b, s...) }

func (w *writer) bool(v bool) {
	if v {
		w.byte(1)
	} else {
		w.byte(0)
	}
}

// time keeps seconds and nanoseconds apart, since UnixNano ends in 2262 and callers' dates need not.
func (w *writer) time(t time.Time) {
	w.b = binary.AppendVarint(w.b, t.Unix())
	w.uint(uint64(t.Nanosecond()))
}

func (w *writer) pairs(list [][2]string) {
	w.uint(uint64(len(list)))
	for _, p := range list {
		w.text(p[0])
		w.text(p[1])
	}
}

// reader takes fields off the front of s. After the first fault bad is set and every further read is empty, so the caller asks once, at the end.
type reader struct {
	s   string
	bad bool
}

func (r *reader) fail() { r.s, r.bad = "", true }

func (r *reader) byte() byte {
	if r.s == "" {
		r.fail()
		return 0
	}
	v := r.s[0]
	r.s = r.s[1:]
	return v
}

func (r *reader) bool() bool {
	v := r.byte()
	if v > 1 {
		r.fail()
	}
	return v == 1
}

func (r *reader) uint() uint64 {
	var v uint64
	for shift := 0; shift < 64; shift += 7 {
		c := r.byte()
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
	r.fail()
	return 0
}

func (r *reader) uint32() uint32 {
	v := r.uint()
	if v > math.MaxUint32 {
		r.fail()
	}
	return uint32(v)
}

func (r *reader) text() string {
	n := r.uint()
	if n > uint64(len(r.s)) {
		r.fail()
		return ""
	}
	s := r.s[:n]
	r.s = r.s[n:]
	return s
}

func (r *reader) time() time.Time {
	zigzag, nanos := r.uint(), r.uint()
	if nanos >= uint64(time.Second) {
		r.fail()
		return time.Time{}
	}
	return time.Unix(int64(zigzag>>1)^-int64(zigzag&1), int64(nanos)).UTC()
}

// pairs reads a list. A pair takes two bytes at least, which bounds the memory a damaged count can ask for.
func (r *reader) pairs() [][2]string {
	n := r.uint()
	if n == 0 || n > uint64(len(r.s)/2) {
		r.bad = r.bad || n != 0
		return nil
	}
	list := make([][2]string, n)
	for i := range list {
		list[i] = [2]string{r.text(), r.text()}
	}
	return list
}
