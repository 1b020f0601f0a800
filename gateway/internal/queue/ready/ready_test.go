package ready

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func entry(tenant string, batch byte, priority uint8, order uint64) *Entry {
	return &Entry{Lane: "email", Tenant: tenant, Batch: [16]byte{batch}, Priority: priority, Order: order}
}

// drain hands out everything that is ready, each entry once, and returns the order numbers.
func drain(x *Index, lane string) (orders []uint64) {
	for e := x.Next(lane); e != nil; e = x.Next(lane) {
		orders = append(orders, e.Order)
		x.Drop(e)
	}
	return orders
}

func TestNext_Order(t *testing.T) {
	check := func(name string, want []uint64, entries ...*Entry) {
		t.Helper()
		x := New()
		for _, e := range entries {
			x.Put(e, 0, 0)
		}
		if got := drain(x, "email"); !slices.Equal(got, want) {
			t.Errorf("%s: handed out %v, want %v", name, got, want)
		}
		if x.Ready("email") {
			t.Errorf("%s: still ready when empty", name)
		}
	}
	check("nothing", nil)
	check("priority is strict", []uint64{3, 2, 1}, entry("a", 1, 9, 1), entry("a", 1, 1, 2), entry("b", 2, 0, 3))
	check("tenants take turns", []uint64{1, 4, 2, 5, 3},
		entry("a", 1, 0, 1), entry("a", 1, 0, 2), entry("a", 1, 0, 3), entry("b", 2, 0, 4), entry("b", 2, 0, 5))
	check("batches of a tenant take turns", []uint64{1, 3, 2, 4},
		entry("a", 1, 0, 1), entry("a", 1, 0, 2), entry("a", 2, 0, 3), entry("a", 2, 0, 4))
}

func TestNext_TheTurnPassesEvenIfTheEntryStays(t *testing.T) {
	x := New()
	x.Put(entry("a", 1, 0, 1), 0, 0)
	x.Put(entry("b", 2, 0, 2), 0, 0)
	var got []uint64
	for range 4 {
		got = append(got, x.Next("email").Order)
	}
	if want := []uint64{1, 2, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("handed out %v, want %v", got, want)
	}
}

func TestNext_EarlierDueFirstWithinABatch(t *testing.T) {
	x := New()
	x.Put(entry("a", 1, 0, 1), 7, 10)
	x.Put(entry("a", 1, 0, 2), 5, 10)
	if got, want := drain(x, "email"), []uint64{2, 1}; !slices.Equal(got, want) {
		t.Errorf("handed out %v, want %v", got, want)
	}
}

func TestAdvance_WakesWhatIsDue(t *testing.T) {
	x := New()
	for i, when := range []int64{30, 10, 20} {
		if x.Put(entry("a", 1, 0, uint64(i)), when, 0) {
			t.Errorf("entry due at %d is ready at 0", when)
		}
	}
	if when, ok := x.Wake(); !ok || when != 10 {
		t.Fatalf("Wake = %d, %v; want 10", when, ok)
	}
	woken := 0
	x.Advance(20, func(lane string) { woken++ })
	if got, want := drain(x, "email"), []uint64{1, 2}; woken != 2 || !slices.Equal(got, want) {
		t.Errorf("woke %d, handed out %v; want %v", woken, got, want)
	}
	if when, ok := x.Wake(); !ok || when != 30 {
		t.Errorf("Wake = %d, %v; want 30", when, ok)
	}
}

// TestIndex_AgainstAPlainTwin plays random histories against a flat list: whatever is handed out is ready, of the lowest
// priority number there, first of its batch; and nothing is lost or handed out twice.
func TestIndex_AgainstAPlainTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, now := New(), int64(0)
		due := map[*Entry]int64{}
		var known []*Entry
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				e := entry(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "tenant"), rapid.Byte().Draw(t, "batch")%4,
					rapid.Uint8Range(0, 2).Draw(t, "priority"), uint64(len(known)))
				known = append(known, e)
				due[e] = now + rapid.Int64Range(-5, 20).Draw(t, "in")
				if got, want := x.Put(e, due[e], now), due[e] <= now; got != want {
					t.Fatalf("Put says ready = %v, want %v", got, want)
				}
			},
			"move": func(t *rapid.T) {
				if len(known) == 0 {
					t.Skip("nothing to move")
				}
				e := rapid.SampledFrom(known).Draw(t, "entry")
				due[e] = now + rapid.Int64Range(-5, 20).Draw(t, "in")
				x.Put(e, due[e], now)
			},
			"drop": func(t *rapid.T) {
				if len(known) == 0 {
					t.Skip("nothing to drop")
				}
				e := rapid.SampledFrom(known).Draw(t, "entry")
				x.Drop(e)
				delete(due, e)
			},
			"time": func(t *rapid.T) {
				now += rapid.Int64Range(1, 10).Draw(t, "passes")
				x.Advance(now, func(string) {})
			},
			"next": func(t *rapid.T) {
				e := x.Next("email")
				checkNext(t, e, due, now)
				if e != nil && rapid.Bool().Draw(t, "take") {
					x.Drop(e)
					delete(due, e)
				}
			},
			"": func(t *rapid.T) {
				if got, want := x.Ready("email"), readyTwin(due, now) > 0; got != want {
					t.Fatalf("Ready = %v, want %v", got, want)
				}
			},
		})
	})
}

func readyTwin(due map[*Entry]int64, now int64) (n int) {
	for _, when := range due {
		if when <= now {
			n++
		}
	}
	return n
}

func checkNext(t *rapid.T, e *Entry, due map[*Entry]int64, now int64) {
	if e == nil {
		if n := readyTwin(due, now); n > 0 {
			t.Fatalf("nothing handed out while %d are ready", n)
		}
		return
	}
	when, ok := due[e]
	if !ok || when > now {
		t.Fatalf("handed out an entry that is not ready (known %v, due %d, now %d)", ok, when, now)
	}
	for other, w := range due {
		if w > now {
			continue
		}
		if other.Priority < e.Priority {
			t.Fatalf("priority %d handed out before %d", e.Priority, other.Priority)
		}
		same := other.Priority == e.Priority && other.Tenant == e.Tenant && other.Batch == e.Batch
		if same && (w < when || w == when && other.Order < e.Order) {
			t.Fatalf("due %d handed out before due %d of its batch", when, w)
		}
	}
}

// TestNext_NoTenantWaitsLongerThanTheOthersTakeTurns: with n tenants ready each gets its turn within n calls.
func TestNext_NoTenantWaitsLongerThanTheOthersTakeTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := New()
		names := []string{"a", "b", "c", "d", "e"}[:rapid.IntRange(1, 5).Draw(t, "tenants")]
		for i, name := range names {
			for j := range rapid.IntRange(1, 50).Draw(t, "segments") {
				x.Put(entry(name, byte(j%7), 0, uint64(i*100+j)), 0, 0)
			}
		}
		for range 5 {
			seen := map[string]int{}
			for range names {
				seen[x.Next("email").Tenant]++
			}
			if len(seen) != len(names) {
				t.Fatalf("%d turns went to %v", len(names), seen)
			}
		}
	})
}
