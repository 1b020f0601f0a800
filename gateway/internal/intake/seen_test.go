package intake

import (
	"encoding/binary"
	"testing"

	"heed/suppression/address"

	"pgregory.net/rapid"
)

// keyOf makes keys whose probe starts collide often, as digests never would.
func keyOf(n uint64) (k address.Key) {
	binary.LittleEndian.PutUint64(k[:8], n%7)
	binary.LittleEndian.PutUint64(k[8:], n/7)
	return k
}

func TestKeySet_IsTheSetItsTwinIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s keySet
		twin := map[address.Key]bool{}
		for range rapid.IntRange(0, 300).Draw(t, "steps") {
			k := keyOf(rapid.Uint64Range(0, 200).Draw(t, "key"))
			if rapid.IntRange(0, 99).Draw(t, "reset") == 0 {
				s.reset(rapid.IntRange(0, 500).Draw(t, "room"))
				clear(twin)
			}
			if s.has(k) != twin[k] || s.add(k) == twin[k] || !s.has(k) {
				t.Fatalf("%x: differs from the twin", k)
			}
			twin[k] = true
			if 2*s.n > len(s.slots) {
				t.Fatalf("%d keys in %d slots", s.n, len(s.slots))
			}
		}
	})
}

func TestKeySet_ResetMakesRoomOnce(t *testing.T) {
	var s keySet
	s.reset(10_000)
	slots := len(s.slots)
	for i := range 10_000 {
		s.add(spread(i))
	}
	if len(s.slots) != slots || s.n != 10_000 {
		t.Errorf("%d slots became %d for %d keys", slots, len(s.slots), s.n)
	}
	if n := testing.AllocsPerRun(10, func() { s.reset(10_000) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A stream of any length is looked back on by a generation at least, in the memory of two.
func TestRecent_ForgetsOnlyWhatIsAGenerationOld(t *testing.T) {
	var r recent
	const size, total = 1000, 3500
	r.reset(0, size)
	for i := range total {
		if !r.add(spread(i)) {
			t.Fatalf("key %d is not new", i)
		}
		if old := max(0, i-size+1); r.add(spread(old)) {
			t.Fatalf("key %d is forgotten at %d", old, i)
		}
	}
	if slots := len(r.young.slots) + len(r.old.slots); slots > 2*2048 {
		t.Errorf("%d slots", slots)
	}
	if !r.add(spread(0)) {
		t.Error("the oldest key is still known: memory is not bounded")
	}
}

// spread makes keys that look like digests.
func spread(i int) (k address.Key) {
	binary.LittleEndian.PutUint64(k[:8], uint64(i+1)*0x9e3779b97f4a7c15)
	return k
}
