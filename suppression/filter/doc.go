// Package filter is the in-memory Bloom filter in front of the suppression list: bits-and-blooms/bloom/v3,
// arranged so that a batch of keys is probed with one cache miss a key, and those misses overlap.
//
// It promises that a key added is found for ever after, by every goroutine that learns of the addition, and that a
// filter read from a file is either exactly one that was written or an error. It does not promise that a key found was
// added: up to the capacity a share of at most the asked rate is found by chance.
//
// How the bits lie. A key is already a keyed 128-bit digest (address.Keyer), so nothing is hashed again: the first
// eight bytes choose a block of 512 bits, one cache line, and the last eight give up to seven locations of nine bits
// in it (the blocked Bloom filter of Putze, Sanders and Singler, "Cache-, Hash- and Space-Efficient Bloom Filters",
// 2007). The price, blocks filled unevenly, is in the sizing: see plan. Blocks follow the order of the keys, so
// building a filter from a sorted scan walks through memory from front to back.
//
// Safe for concurrent use, adding beside reading included: bloom/v3's own Add is not, so words are read
// atomically and set by atomic OR. Pure but for the advice to the kernel to use large pages.
package filter
