package suppression_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"heed/suppression"
	. "heed/suppression/suppressiontest"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func readFile(t testing.TB, fs vfs.FS, name string) []byte {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeFile(t testing.TB, fs vfs.FS, name string, b []byte) {
	t.Helper()
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// files lists those of the store whose name ends so, in order.
func files(t testing.TB, fs vfs.FS, suffix string) []string {
	t.Helper()
	names, err := fs.List("list/rows")
	if err != nil {
		t.Fatal(err)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasSuffix(n, suffix) })
	slices.Sort(names)
	for i := range names {
		names[i] = fs.PathJoin("list/rows", names[i])
	}
	return names
}

// closedList has made n opt-outs, one an Apply, and closed in good order.
func closedList(t testing.TB, n int) *vfs.MemFS {
	t.Helper()
	fs := vfs.NewCrashableMem()
	l := open(t, fs)
	for i := range n {
		must(l.Apply(context.Background(), unsubscribe(Key(i))))(t)
	}
	closeList(t, l)
	return fs
}

// everyKeyIsFound also wants keys that were never added to be ruled out, mostly.
func everyKeyIsFound(t testing.TB, l *suppression.List, n int) {
	t.Helper()
	all := make([]suppression.Key, 2*n)
	hit := make([]bool, len(all))
	for i := range all {
		all[i] = Key(i)
	}
	if err := l.CheckBatch(context.Background(), all, hit); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if !hit[i] {
			t.Fatalf("key %d is suppressed, but the check says it is not", i)
		}
	}
	if wrong := len(slices.DeleteFunc(hit[n:], func(h bool) bool { return !h })); wrong > n/10 {
		t.Fatalf("%d of %d keys found that were never added", wrong, n)
	}
}

// A filter file that is damaged, changed or stale is never started with. The answers are right
// before the rebuild and after it.
func TestFilterFile_InDoubtIsRebuilt(t *testing.T) {
	const n = 100
	check := func(name string, damage func(t *testing.T, fs *vfs.MemFS)) {
		t.Run(name, func(t *testing.T) {
			fs := closedList(t, n)
			damage(t, fs)
			why := ""
			o := Options(fs)
			o.Events.FilterRebuilding = func(w string) { why = w }
			l := must(suppression.Open("list", o))(t)
			if l.Stats().FilterReady {
				t.Fatal("started with it")
			}
			everyKeyIsFound(t, l, n)
			maintain(t, l)
			if !l.Stats().FilterReady || why == "" {
				t.Fatalf("not rebuilt, reason %q", why)
			}
			everyKeyIsFound(t, l, n)
			closeList(t, l)
			if l = open(t, fs); !l.Stats().FilterReady {
				t.Fatal("the rebuilt filter was not saved")
			}
			closeList(t, l)
		})
	}
	edit := func(change func([]byte) []byte) func(*testing.T, *vfs.MemFS) {
		return func(t *testing.T, fs *vfs.MemFS) {
			writeFile(t, fs, "list/filter", change(readFile(t, fs, "list/filter")))
		}
	}
	check("missing", func(t *testing.T, fs *vfs.MemFS) { must(0, fs.Remove("list/filter"))(t) })
	check("empty", edit(func(b []byte) []byte { return nil }))
	check("cut in the header", edit(func(b []byte) []byte { return b[:50] }))
	check("cut in the bits", edit(func(b []byte) []byte { return b[:len(b)/2] }))
	check("a flipped bit", edit(func(b []byte) []byte { b[len(b)/2] ^= 1; return b }))
	check("another shape", edit(func(b []byte) []byte { b[80]++; return b }))
	check("longer", edit(func(b []byte) []byte { return append(b, b...) }))
	check("so old that the journal does not reach back", func(t *testing.T, fs *vfs.MemFS) {
		old := readFile(t, fs, "list/filter")
		for range 2 {
			l := open(t, fs)
			must(l.Apply(context.Background(), unsubscribe(Key(0))))(t)
			closeList(t, l)
		}
		writeFile(t, fs, "list/filter", old)
	})
	check("of another history at the same position", func(t *testing.T, fs *vfs.MemFS) {
		// The store was restored from a copy and written on; the filter is from before that.
		other := fs.CrashClone(vfs.CrashCloneCfg{})
		for i, to := range []*vfs.MemFS{fs, other} {
			l := open(t, to)
			must(l.Apply(context.Background(), unsubscribe(Key(i))))(t)
			closeList(t, l)
		}
		writeFile(t, fs, "list/filter", readFile(t, other, "list/filter"))
	})
}

// A filter file that is merely older is completed from the journal, at once.
func TestFilterFile_OlderIsCompletedFromTheJournal(t *testing.T) {
	const n = 100
	fs := closedList(t, n/2)
	old := readFile(t, fs, "list/filter")
	o := Options(fs)
	o.KeepJournal = n
	l := must(suppression.Open("list", o))(t)
	for i := n / 2; i < n; i++ {
		must(l.Apply(context.Background(), unsubscribe(Key(i))))(t)
	}
	closeList(t, l)
	writeFile(t, fs, "list/filter", old)
	l = open(t, fs)
	defer closeList(t, l)
	if s := l.Stats(); !s.FilterReady || s.Keys < n-1 {
		t.Fatalf("%+v", s)
	}
	everyKeyIsFound(t, l, n)
}

// A flipped bit in a table is an error, never "not found". Every 37th byte is tried.
func TestStore_FlippedBitInATableNeverReadsAsNotFound(t *testing.T) {
	const n = 50
	clean := closedList(t, n)
	closeList(t, open(t, clean)) // opening turns the log into a table
	tables := files(t, clean, ".sst")
	if len(tables) == 0 {
		t.Fatal("no table to damage")
	}
	errs, point, chosen := 0, 0, sample(t, 8)
	for _, name := range tables {
		b := readFile(t, clean, name)
		for at := 0; at < len(b); at += 37 {
			if point++; !chosen(point) {
				continue
			}
			fs := clean.CrashClone(vfs.CrashCloneCfg{})
			must(0, fs.Remove("list/filter"))(t) // so that checks too must go to the table
			b[at] ^= 0x10
			writeFile(t, fs, name, b)
			b[at] ^= 0x10
			errs += readsRightOrFails(t, fmt.Sprintf("%s byte %d", name, at), fs, n)
		}
	}
	if errs == 0 {
		t.Fatal("no flipped bit was noticed: the tables were not read")
	}
}

// readsRightOrFails returns 1 if the damage was noticed.
func readsRightOrFails(t *testing.T, what string, fs vfs.FS, n int) int {
	t.Helper()
	l, err := suppression.Open("list", Options(fs))
	if err != nil {
		return 1
	}
	failed := 0
	for i := range n {
		rows, err := l.Rows(nil, Key(i))
		if err == nil && len(rows) != 1 {
			t.Fatalf("%s: key %d reads as not suppressed", what, i)
		}
		hit := make([]bool, 1)
		err2 := l.CheckBatch(context.Background(), []suppression.Key{Key(i)}, hit)
		if err2 == nil && !hit[0] {
			t.Fatalf("%s: key %d checks as not suppressed", what, i)
		}
		if err != nil || err2 != nil {
			failed = 1
		}
	}
	_ = l.Close() // a list that has seen damage says so again
	return failed
}

// A log cut in its last record, which nobody was told of, is recovered; damage before acknowledged records is refused.
func TestLog_TornTailIsRecoveredAndDamageIsRefused(t *testing.T) {
	const n = 1000
	fs := vfs.NewCrashableMem()
	l := open(t, fs)
	for i := range n {
		must(l.Apply(context.Background(), unsubscribe(Key(i))))(t)
	}
	crashed := fs.CrashClone(vfs.CrashCloneCfg{})
	closeList(t, l)
	logs := files(t, crashed, ".log")
	name := logs[len(logs)-1]
	log := readFile(t, crashed, name)

	torn := crashed.CrashClone(vfs.CrashCloneCfg{})
	writeFile(t, torn, name, append(slices.Clone(log), log[:20]...)) // a record's beginning
	l = open(t, torn)
	if l.Position() != n {
		t.Fatalf("torn tail: position %d of %d", l.Position(), n)
	}
	everyKeyIsFound(t, l, n)
	closeList(t, l)

	if len(log) < 2*32<<10 {
		t.Fatalf("a log of %d bytes is no longer than two blocks", len(log))
	}
	chosen := sample(t, 4)
	for at, point := 100, 0; at < len(log)*(n-1)/n; at, point = at+5003, point+1 {
		if !chosen(point) {
			continue
		}
		damaged := crashed.CrashClone(vfs.CrashCloneCfg{})
		bad := slices.Clone(log)
		bad[at] ^= 1
		writeFile(t, damaged, name, bad)
		if _, err := suppression.Open("list", Options(damaged)); !errors.Is(err, suppression.ErrCorrupt) {
			t.Fatalf("byte %d of %d is damaged, before acknowledged records: %v", at, len(log), err)
		}
	}
}

// killedList has made n opt-outs, one an Apply, when the power went out with all of the log on the disk.
func killedList(t testing.TB, n int) *vfs.MemFS {
	t.Helper()
	fs := vfs.NewCrashableMem()
	l := open(t, fs)
	for i := range n {
		must(l.Apply(context.Background(), unsubscribe(Key(i))))(t)
	}
	killed := fs.CrashClone(vfs.CrashCloneCfg{})
	closeList(t, l)
	return killed
}

// A bit flipped anywhere in a log is refused, but in the last Apply: that looks the same torn and damaged. Never is less
// than all of the others there without an error.
func TestLog_FlippedBitBeforeTheLastWriteIsRefused(t *testing.T) {
	const n = 30
	clean := killedList(t, n)
	logs := files(t, clean, ".log")
	name := logs[len(logs)-1]
	log := readFile(t, clean, name)
	refused, tried, chosen := 0, 0, sample(t, 16)
	for at := range log {
		if !chosen(at) {
			continue
		}
		tried++
		for _, bit := range []byte{1, 1 << (at % 8)} {
			fs := clean.CrashClone(vfs.CrashCloneCfg{})
			bad := slices.Clone(log)
			bad[at] ^= bit
			writeFile(t, fs, name, bad)
			l, err := suppression.Open("list", Options(fs))
			if err != nil {
				if !errors.Is(err, suppression.ErrCorrupt) {
					t.Fatalf("byte %d: %v", at, err)
				}
				refused++
				continue
			}
			if l.Position() < n-1 {
				t.Fatalf("byte %d of %d is damaged: opened at position %d of %d", at, len(log), l.Position(), n)
			}
			everyKeyIsFound(t, l, int(l.Position()))
			closeList(t, l)
		}
	}
	if refused < 2*tried*(n-2)/n {
		t.Fatalf("%d of %d refused", refused, 2*tried)
	}
}
