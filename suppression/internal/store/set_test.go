package store

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// anyEntry draws from few reasons, topics and positions, so that entries meet.
func anyEntry(t *rapid.T) Entry {
	e := Entry{
		Reason: uint8(rapid.IntRange(0, 3).Draw(t, "reason")),
		Topic:  rapid.SampledFrom([]string{"", "a", "weekly"}).Draw(t, "topic"),
	}
	if rapid.Bool().Draw(t, "lift") {
		e.Lifted = rapid.Uint64Range(1, 6).Draw(t, "lifted")
		return e
	}
	e.Added = rapid.Uint64Range(1, 6).Draw(t, "added")
	e.At = rapid.Int64Range(epoch-3*secondsPerDay, epoch+3*secondsPerDay).Draw(t, "at")
	e.Class = uint8(rapid.IntRange(0, maxClass).Draw(t, "class"))
	e.Source = uint8(rapid.IntRange(0, maxSource).Draw(t, "source"))
	if rapid.Bool().Draw(t, "all") {
		e.AllChannels = e.Added
	}
	return e
}

// anySet is what a history of changes to one key leaves behind.
func anySet(t *rapid.T, label string) Set {
	var s Set
	for _, e := range rapid.SliceOfN(rapid.Custom(anyEntry), 1, 8).Draw(t, label) {
		s = Join(s, Set{e})
	}
	return s
}

func TestJoin_OrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := anySet(t, "a"), anySet(t, "b"), anySet(t, "c")
		if d := cmp.Diff(Join(a, b), Join(b, a)); d != "" {
			t.Fatalf("not commutative:\n%s", d)
		}
		if d := cmp.Diff(Join(Join(a, b), c), Join(a, Join(b, c))); d != "" {
			t.Fatalf("not associative:\n%s", d)
		}
	})
}

func TestJoin_RepetitionDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anySet(t, "a"), anySet(t, "b")
		ab := Join(a, b)
		for _, again := range []Set{a, b, ab} {
			if d := cmp.Diff(ab, Join(ab, again)); d != "" {
				t.Fatalf("not idempotent:\n%s", d)
			}
		}
	})
}

func TestJoin_LiftEndsWhatItObservedAndNothingLater(t *testing.T) {
	check := func(added, lifted, want uint64) {
		t.Helper()
		got := Join(Set{{Reason: 1, Added: added}}, Set{{Reason: 1, Lifted: lifted}})
		if got[0].Added != want || got[0].Lifted != lifted {
			t.Errorf("added %d, lifted %d: %+v", added, lifted, got[0])
		}
	}
	check(5, 4, 5)
	check(5, 5, 0)
	check(5, 6, 0)
}

// An objection to all channels stays one when a narrower addition follows, until a lift has observed it, in whatever order
// the three meet.
func TestJoin_ANarrowerAdditionDoesNotNarrow(t *testing.T) {
	wide, narrow := Set{{Reason: 1, Added: 5, AllChannels: 5}}, Set{{Reason: 1, Added: 7}}
	check := func(lifted, want uint64) {
		t.Helper()
		lift := Set{{Reason: 1, Lifted: lifted}}
		for _, order := range [][3]Set{{wide, narrow, lift}, {wide, lift, narrow}, {narrow, lift, wide}, {lift, narrow, wide}} {
			got := Join(Join(order[0], order[1]), order[2])
			if len(got) != 1 || got[0].Added != 7 || got[0].AllChannels != want {
				t.Errorf("lifted %d: %+v", lifted, got)
			}
		}
	}
	check(4, 5)
	check(5, 0)
	check(6, 0)
}

// A row that stands is not loosened by a later one: of another class it is of none, and its day stays, until a lift has observed the stricter
// one, in whatever order the three meet.
func TestJoin_ALaterAdditionDoesNotLoosen(t *testing.T) {
	const late = 10 * secondsPerDay
	first, second := Set{{Reason: 1, Added: 5, At: 60}}, Set{{Reason: 1, Added: 7, Class: 1, At: late}}
	check := func(lifted uint64, class uint8, at int64) {
		t.Helper()
		lift := Set{{Reason: 1, Lifted: lifted}}
		for _, order := range [][3]Set{{first, second, lift}, {first, lift, second}, {second, lift, first}, {lift, second, first}} {
			got := Join(Join(order[0], order[1]), order[2])
			if e := &got[0]; e.Added != 7 || e.ClassAfter(0) != class || e.AtAfter(0) != at {
				t.Errorf("lifted %d: %+v", lifted, got)
			}
		}
		if e := &Join(first, second)[0]; e.ClassAfter(lifted) != class || e.AtAfter(lifted) != at {
			t.Errorf("lifted by the person up to %d: %+v", lifted, e)
		}
	}
	check(4, 0, 60)
	check(5, 1, late)
}

// However often a row is made again within a day, it takes no more room.
func TestJoin_EachDayCountsOnce(t *testing.T) {
	s := Set{{Reason: 1, Added: 1}}
	for i := range 10_000 {
		s = Join(s, Set{{Reason: 1, Added: uint64(i + 2), At: int64(i) * 3 * secondsPerDay / 10_000}})
	}
	if n := len(s[0].Earlier); n != 2 || s[0].AtAfter(0) > secondsPerDay {
		t.Fatalf("%d earlier days, from %d", n, s[0].AtAfter(0))
	}
}

// The merger must agree with Join however Pebble groups the operands, and with one operand must change nothing.
func TestMerger_AgreesWithJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sets := make([]Set, rapid.IntRange(1, 5).Draw(t, "operands"))
		var want Set
		for i := range sets {
			sets[i] = anySet(t, "operand")
			want = Join(want, sets[i])
		}
		first := rapid.IntRange(0, len(sets)-1).Draw(t, "first")
		m, err := merger.Merge(nil, sets[first].Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sets[first+1:] {
			if err := m.MergeNewer(s.Append(nil)); err != nil {
				t.Fatal(err)
			}
		}
		for _, s := range slices.Backward(sets[:first]) {
			if err := m.MergeOlder(s.Append(nil)); err != nil {
				t.Fatal(err)
			}
		}
		got, _, err := m.Finish(true)
		if err != nil || !bytes.Equal(got, want.Append(nil)) {
			t.Fatalf("got %x, %v; want %x", got, err, want.Append(nil))
		}
	})
}

func TestMerger_RefusesDamage(t *testing.T) {
	good := Set{{Reason: 1, Added: 1}}.Append(nil)
	for _, operands := range [][2][]byte{{good, {}}, {{}, good}, {good, {1}}, {{0xff}, good}} {
		m, err := merger.Merge(nil, operands[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := m.MergeOlder(operands[1]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%x joined with %x: %v", operands[0], operands[1], err)
		}
	}
}

func TestSet_ReadsBackWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anySet(t, "set")
		got, err := ParseSet(nil, want.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
	})
}

// A simple opt-out in the first years takes 11 bytes beside its key.
func TestEntry_IsCompact(t *testing.T) {
	e := Entry{Reason: 2, Added: 100_000_000, At: epoch + 4*365*86400, Class: 1, Source: 2}
	if n := len(e.Append(nil)); n > 11 {
		t.Fatalf("%d bytes", n)
	}
}

func FuzzParseSet(f *testing.F) {
	f.Add([]byte{})
	f.Add(Set{{Reason: 2, Added: 7, At: epoch, Class: 1, Source: 2}}.Append(nil))
	f.Add(Set{{Lifted: 3}, {Reason: 1, Topic: "weekly", Lifted: 1, Added: 300, At: 1, AllChannels: 290}}.Append(nil))
	f.Add(Set{{Reason: 1, Added: 9, At: epoch, OtherClass: 8, Earlier: []Earlier{{8, epoch - 2*secondsPerDay}, {3, 1}}}}.Append(nil))
	f.Add([]byte{0x20, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseSet(nil, b)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) || len(s) != 0 {
				t.Fatalf("refused with %v and %d entries", err, len(s))
			}
			return
		}
		if again := s.Append(nil); !bytes.Equal(again, b) {
			t.Fatalf("read %x, would write %x", b, again)
		}
		if joined := Join(s, s); !bytes.Equal(joined.Append(nil), b) {
			t.Fatalf("%x is not in normal form", b)
		}
	})
}

// encode gives the journal value of a first record, and the history with it.
func encode(rec Record) (value []byte, history uint64) {
	value, _ = rec.append(nil, &history, func(_, _ []byte) error { return nil })
	return value, history
}

func FuzzParseRecord(f *testing.F) {
	rec := Record{Position: 1, Changes: []Change{{Entry: Entry{Reason: 1, Added: 1}}}}
	value, _ := encode(rec)
	f.Add(journalKey(1), value)
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		_, told, encoded, err := splitRecord(key, value)
		if err != nil {
			return
		}
		changes, err := parseChanges(encoded)
		if err != nil {
			return
		}
		again, now := encode(Record{Changes: changes})
		if !bytes.Equal(again[historyLen:], encoded) {
			t.Fatalf("read %x, would write %x", encoded, again[historyLen:])
		}
		if (told == now) != bytes.Equal(again, value) {
			t.Fatal("the history does not depend on the changes alone")
		}
	})
}
