package filter

import (
	"encoding/binary"
	"math/bits"
	"sync/atomic"

	"heed/suppression/address"

	"github.com/bits-and-blooms/bloom/v3"
)

// Filter is a Bloom filter over digests. Create it with New or Read.
type Filter struct {
	geometry
	bloom *bloom.BloomFilter
	words []uint64 // bloom's own bits; Invariant: accessed atomically only
	keys  atomic.Uint64
}

// New makes an empty filter that holds capacity keys at the given false-positive rate (0.000001..0.5).
// More keys only raise the rate. Memory: 2.1 bytes a key of capacity at a rate of 0.001.
func New(capacity uint64, rate float64) (*Filter, error) {
	g, err := plan(capacity, rate)
	if err != nil {
		return nil, err
	}
	return newFilter(g), nil
}

func newFilter(g geometry) *Filter {
	f := &Filter{geometry: g, bloom: bloom.From(make([]uint64, g.words()), uint(g.k))}
	f.words = f.bloom.BitSet().Words()
	adviseHugePages(f.words)
	return f
}

// Add adds a key and reports whether it was new to the filter. The key is visible to every goroutine
// from here on: an atomic OR is sequentially consistent.
func (f *Filter) Add(key address.Key) bool {
	word, rest := f.place(&key)
	fresh := false
	for range f.k {
		mask := uint64(1) << (rest % 64)
		w := &f.words[word+rest%blockBits/64]
		if atomic.LoadUint64(w)&mask == 0 && atomic.OrUint64(w, mask)&mask == 0 {
			fresh = true
		}
		rest >>= indexBits
	}
	if fresh {
		f.keys.Add(1)
	}
	return fresh
}

// Test reports whether key may have been added; false is certain.
func (f *Filter) Test(key address.Key) bool {
	word, rest := f.place(&key)
	return f.testRest(word, rest, f.k)&1 == 1
}

// place gives the first word of the key's block and the bits its k locations are read from, nine at a time.
func (f *Filter) place(key *address.Key) (word, rest uint64) {
	block, _ := bits.Mul64(binary.BigEndian.Uint64(key[:8]), f.blocks)
	return block * blockWords, binary.LittleEndian.Uint64(key[8:])
}

// testRest has bit 0 set if the n locations left in rest are all set. No early end: the line is already
// here, and a branch that goes either way costs more than the loads it saves.
func (f *Filter) testRest(word, rest, n uint64) uint64 {
	block := (*[blockWords]uint64)(f.words[word : word+blockWords])
	all := uint64(1)
	for range n {
		all &= atomic.LoadUint64(&block[rest%blockBits/64]) >> (rest % 64)
		rest >>= indexBits
	}
	return all
}

// Len is the number of keys added that were new to the filter: at most the false-positive rate below the number of
// distinct keys.
func (f *Filter) Len() uint64 { return f.keys.Load() }

// Cap is the number of keys up to which the rate holds.
func (f *Filter) Cap() uint64 { return f.capacity }

// Rate is the false-positive rate at capacity.
func (f *Filter) Rate() float64 { return f.rate }

// Bytes is the memory that the bits take.
func (f *Filter) Bytes() uint64 { return 8 * f.geometry.words() }
