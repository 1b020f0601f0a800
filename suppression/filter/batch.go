package filter

import (
	"sync/atomic"

	"heed/suppression/address"
)

// group is how many keys one round takes: enough to overlap the misses, few enough for the lines to stay in the cache.
const group = 512

// TestBatch sets hit[i] to Test(keys[i]), several times faster than Test in a loop once the filter outgrows the cache.
// Requires: len(hit) >= len(keys). Cost: no allocation; about one overlapped cache miss a key.
func (f *Filter) TestBatch(keys []address.Key, hit []bool) {
	hit = hit[:len(keys)]
	for len(keys) > group {
		f.testGroup(keys[:group], hit[:group])
		keys, hit = keys[group:], hit[group:]
	}
	f.testGroup(keys, hit)
}

// testGroup works in two rounds. The first reads one location of every key: no load waits for another and no branch
// depends on one, so the processor keeps many misses in flight. Two keys of three end there. The second round tests
// what is left of the others, whose lines have arrived by then.
func (f *Filter) testGroup(keys []address.Key, hit []bool) {
	var left [group]uint16
	n := 0
	for i := range keys {
		word, rest := f.place(&keys[i])
		bit := atomic.LoadUint64(&f.words[word+rest%blockBits/64]) >> (rest % 64) & 1
		hit[i] = false
		left[n%group] = uint16(i)
		n += int(bit)
	}
	for _, i := range left[:n] {
		word, rest := f.place(&keys[i])
		hit[i] = f.testRest(word, rest>>indexBits, f.k-1)&1 == 1
	}
}
