package filter

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"heed/suppression/address"
)

// sizes are the numbers of keys in the filter. 100 million only on request: it takes half a minute to fill.
func sizes() []int {
	s := []int{1e3, 1e5, 1e6, 1e7}
	if os.Getenv("HEED_BENCH_LARGE") != "" {
		s = append(s, 1e8)
	}
	return s
}

func randomKeys(rng *rand.Rand, n int) []address.Key {
	keys := make([]address.Key, n)
	for i := range keys {
		keys[i] = randomKey(rng)
	}
	return keys
}

func randomKey(rng *rand.Rand) (k address.Key) {
	binary.LittleEndian.PutUint64(k[:8], rng.Uint64())
	binary.LittleEndian.PutUint64(k[8:], rng.Uint64())
	return k
}

// BenchmarkTestBatch: one op is one key, in batches of 1,000.
func BenchmarkTestBatch(b *testing.B) {
	for _, n := range sizes() {
		rng := rand.New(rand.NewPCG(1, 2))
		f, err := New(uint64(n), 0.001)
		if err != nil {
			b.Fatal(err)
		}
		added := make([]address.Key, 0, 1<<20)
		for i := range n {
			k := randomKey(rng)
			f.Add(k)
			if i < cap(added) {
				added = append(added, k)
			}
		}
		b.Run(fmt.Sprintf("keys=%.0e/miss", float64(n)), func(b *testing.B) { benchBatches(b, f, randomKeys(rng, 1<<20)) })
		b.Run(fmt.Sprintf("keys=%.0e/hit", float64(n)), func(b *testing.B) { benchBatches(b, f, added) })
		b.Run(fmt.Sprintf("keys=%.0e/one", float64(n)), func(b *testing.B) { benchOne(b, f, randomKeys(rng, 1<<20)) })
		b.ReportMetric(float64(f.Bytes())/float64(n), "B/key")
	}
}

func benchBatches(b *testing.B, f *Filter, keys []address.Key) {
	const batch = 1000
	hit := make([]bool, batch)
	b.ReportAllocs()
	at := 0
	for left := b.N; left > 0; left -= batch {
		if at+batch > len(keys) {
			at = 0
		}
		m := min(left, batch, len(keys)-at)
		f.TestBatch(keys[at:at+m], hit)
		at += m
	}
}

func benchOne(b *testing.B, f *Filter, keys []address.Key) {
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		f.Test(keys[i%len(keys)])
		i++
	}
}
