package filter

import (
	"fmt"
	"math"
)

const (
	blockBits  = 512 // one cache line
	blockWords = blockBits / 64
	indexBits  = 9 // log2(blockBits)
	maxK       = 7 // locations that 64 bits of digest can give

	// overfill is how far past its capacity a filter keeps its rate: it goes on filling while its successor is built.
	overfill = 1.05

	maxCapacity = 1 << 36 // 160 GB of bits; bounds what a file may claim
	minRate     = 1e-6
	maxRate     = 0.5
)

// geometry is the shape of a filter. It is a pure function of capacity and rate, so a file whose shape differs lies.
type geometry struct {
	capacity uint64  // keys up to which rate holds
	rate     float64 // false positives at capacity
	blocks   uint64
	k        uint64 // locations of a key
}

// plan gives the smallest geometry that keeps the false-positive rate until it is overfilled.
func plan(capacity uint64, rate float64) (geometry, error) {
	if capacity < 1 || capacity > maxCapacity {
		return geometry{}, fmt.Errorf("filter: capacity %d is outside 1..%d", capacity, uint64(maxCapacity))
	}
	if !(rate >= minRate && rate <= maxRate) {
		return geometry{}, fmt.Errorf("filter: false-positive rate %g is outside %g..%g", rate, minRate, maxRate)
	}
	best, k := math.Inf(1), 0
	for i := 1; i <= maxK; i++ {
		if b := bitsPerKey(rate, i); b < best {
			best, k = b, i
		}
	}
	blocks := uint64(math.Ceil(float64(capacity) * overfill * best / blockBits))
	return geometry{capacity: capacity, rate: rate, blocks: blocks, k: uint64(k)}, nil
}

// bitsPerKey is the least number of bits a key must have so that k locations give the rate, by bisection.
func bitsPerKey(rate float64, k int) float64 {
	low, high := 0.5, 256.0
	for range 40 {
		if mid := (low + high) / 2; expectedRate(mid, k) > rate {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}

// expectedRate is the false-positive rate of a full filter. The number of keys in a block is Poisson distributed with
// mean blockBits/bitsPerKey; a block of n keys errs like a plain Bloom filter of its size (Putze et al. §3).
func expectedRate(bitsPerKey float64, k int) float64 {
	mean := blockBits / bitsPerKey
	spread := 10*math.Sqrt(mean) + 10
	sum := 0.0
	for n := math.Max(0, math.Floor(mean-spread)); n <= mean+spread; n++ {
		lgamma, _ := math.Lgamma(n + 1)
		share := math.Exp(n*math.Log(mean) - mean - lgamma)
		filled := 1 - math.Pow(1-1.0/blockBits, n*float64(k))
		sum += share * math.Pow(filled, float64(k))
	}
	return sum
}

func (g geometry) words() uint64 { return g.blocks * blockWords }
