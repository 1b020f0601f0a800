package intake

import (
	"encoding/binary"
	"math/bits"

	"heed/suppression/address"
)

// keySet is a set of keys: open addressing, linear probing, at most half full. Keys are keyed digests, so a caller cannot choose
// them to collide, and their own bits serve as the hash. The zero keySet is ready.
type keySet struct {
	slots []address.Key // a power of two of them; the zero key marks an empty one
	n     int
	zero  bool // the zero key itself is in the set
}

const minSlots = 64

// reset empties the set and makes room for n keys, keeping its memory.
func (s *keySet) reset(n int) {
	want := max(minSlots, 1<<bits.Len(uint(max(2*n-1, 0))))
	if cap(s.slots) < want {
		s.slots = make([]address.Key, want)
	}
	s.slots = s.slots[:want]
	clear(s.slots)
	s.n, s.zero = 0, false
}

// add puts k in and says whether it is new.
func (s *keySet) add(k address.Key) bool {
	if 2*s.n >= len(s.slots) {
		s.grow()
	}
	if k == (address.Key{}) {
		fresh := !s.zero
		s.zero = true
		return fresh
	}
	at := s.find(k)
	if s.slots[at] == k {
		return false
	}
	s.slots[at] = k
	s.n++
	return true
}

func (s *keySet) has(k address.Key) bool {
	if k == (address.Key{}) {
		return s.zero
	}
	return len(s.slots) > 0 && s.slots[s.find(k)] == k
}

// find is the slot of k, or the empty one where it belongs.
func (s *keySet) find(k address.Key) int {
	mask := len(s.slots) - 1
	at := int(binary.LittleEndian.Uint64(k[:])) & mask
	for s.slots[at] != k && s.slots[at] != (address.Key{}) {
		at = (at + 1) & mask
	}
	return at
}

func (s *keySet) grow() {
	old, zero := s.slots, s.zero
	*s = keySet{slots: make([]address.Key, max(minSlots, 2*len(old))), zero: zero}
	for _, k := range old {
		if k != (address.Key{}) {
			s.slots[s.find(k)] = k
			s.n++
		}
	}
}

// generation is how many keys a call remembers at least.
const generation = 1 << 20

// recent is a set of the keys seen last, in bounded memory: when the younger of two generations is full, the older is forgotten. So a
// stream of any length finds each duplicate of the last generation keys, at least, with two tables of 32 MiB at most.
// Requires: reset before use.
type recent struct {
	young, old keySet
	size       int // of a generation
}

// reset forgets everything and makes room for n keys, in generations of size.
func (r *recent) reset(n, size int) {
	r.size = size
	r.young.reset(min(n, size))
	r.old = keySet{}
}

// add puts k in and says whether it is new.
func (r *recent) add(k address.Key) bool {
	if r.old.has(k) {
		return false
	}
	if r.young.n == r.size {
		if r.young.has(k) {
			return false
		}
		r.old, r.young = r.young, r.old
		r.young.reset(r.size)
	}
	return r.young.add(k)
}
