package sandbox

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestStore_AnswersAsASliceWould: the ring and its chains against the plainest twin, over random histories.
func TestStore_AnswersAsASliceWould(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := Limits{Messages: rapid.IntRange(1, 5).Draw(t, "messages"), Bytes: rapid.IntRange(1, 12).Draw(t, "bytes")}
		s := newStore(limit, func(p uint64) string { return strconv.FormatUint(p, 10) })
		var twin []Message
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				m := Message{To: rapid.SampledFrom([]string{"a@x", "A@x", "b@x", "c@x"}).Draw(t, "to"), Raw: make([]byte, rapid.IntRange(0, 6).Draw(t, "size"))}
				twin = trim(append(twin, s.add(m)), limit)
			},
			"clear": func(*rapid.T) { s.clear(); twin = nil },
			"":      func(t *rapid.T) { compare(t, s, twin) },
		})
	})
}

func trim(all []Message, limit Limits) []Message {
	size := func() (n int) {
		for _, m := range all {
			n += len(m.Raw)
		}
		return n
	}
	for len(all) > 1 && (len(all) > limit.Messages || size() > limit.Bytes) {
		all = all[1:]
	}
	return all
}

func compare(t *rapid.T, s *store, twin []Message) {
	ids := func(all []Message) (out []string) {
		for _, m := range all {
			out = append(out, m.ID)
		}
		return out
	}
	if got := s.list(0, 100); !slices.Equal(ids(got.Messages), ids(twin)) || got.Count != len(twin) {
		t.Fatalf("list %v, want %v", ids(got.Messages), ids(twin))
	}
	for _, to := range []string{"a@x", "b@x", "c@x"} {
		want := slices.DeleteFunc(slices.Clone(twin), func(m Message) bool { return strings.ToLower(m.To) != to })
		if got := s.to(to); !slices.Equal(ids(got), ids(want)) {
			t.Fatalf("to %s: %v, want %v", to, ids(got), ids(want))
		}
	}
	for _, m := range twin {
		p, _ := strconv.ParseUint(m.ID, 10, 64)
		if got, ok := s.at(p); !ok || got.ID != m.ID {
			t.Fatalf("at %d: %v %v", p, got.ID, ok)
		}
	}
}

func TestKey(t *testing.T) {
	for in, want := range map[string]string{"Ann@X": "ann@x", `"john doe"@x`: "john doe@x", `"a\"b"@x`: `a"b@x`, "+1415": "+1415", `"@x`: `"@x`, "": ""} {
		if got := key(in); got != want {
			t.Errorf("key(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSegments(t *testing.T) { // 3GPP TS 23.038 §6.2.1
	check := func(text string, want int) {
		t.Helper()
		if got := segments(text); got != want {
			t.Errorf("segments(%.20q…) = %d, want %d", text, got, want)
		}
	}
	digits := func(n int) string { return strings.Repeat("1", n) }
	check(digits(160), 1)
	check(digits(161), 2)
	check(digits(307), 3)
	check("😜"+digits(68), 1)
	check("😜"+digits(69), 2)
	check("😜"+digits(133), 3)
	check("🇮🇹"+digits(66), 1)
	check("🏳️‍🌈"+digits(64), 1)
	for _, c := range gsm7Extension {
		check(string(c)+digits(158), 1)
	}
}

// BenchmarkStore_Add: one op is one mail kept, with the ring full.
func BenchmarkStore_Add(b *testing.B) {
	s := newStore(Limits{Messages: 10_000}, func(p uint64) string { return strconv.FormatUint(p, 10) })
	raw := make([]byte, 1000)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		s.add(Message{To: fmt.Sprintf("r%d@example.org", n), Raw: raw})
	}
}
