// Package filter is the in-memory Bloom filter in front of the suppression list: bits-and-blooms/bloom/v3,
// arranged so that a batch of keys is probed with few cache and TLB misses. Adding is safe beside reading.
package filter
