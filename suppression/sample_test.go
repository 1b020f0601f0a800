package suppression_test

import (
	"flag"
	"math/rand/v2"
	"testing"
)

var sampleSeed = flag.Uint64("sample-seed", 0, "repeats the choice of points that a -short run printed; 0: another one each time")

// sample chooses among the points of a long test: all of them, but with -short every nth, from an offset that is printed with the seed it came from.
func sample(t testing.TB, every int) func(point int) bool {
	t.Helper()
	if !testing.Short() {
		return func(int) bool { return true }
	}
	seed := *sampleSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	offset := rand.New(rand.NewPCG(seed, uint64(every))).IntN(every)
	t.Logf("every %dth point from %d on: -sample-seed=%d", every, offset, seed)
	return func(point int) bool { return point%every == offset }
}
