package suppression_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"heed/suppression"
	"heed/suppression/policy"
	. "heed/suppression/suppressiontest"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const keys = 12 // of a random history

// must is for calls that cannot fail unless the test or the list is wrong.
func must[T any](v T, err error) func(fataler) T {
	return func(t fataler) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// fataler is what testing.T and rapid.T share.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func open(t fataler, fs vfs.FS) *suppression.List {
	t.Helper()
	return must(suppression.Open("list", Options(fs)))(t)
}

func closeList(t fataler, l *suppression.List) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func maintain(t fataler, l *suppression.List) {
	t.Helper()
	if err := l.Maintain(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func unsubscribe(key suppression.Key) suppression.Change {
	return suppression.Change{Key: key, Op: suppression.Add, Row: suppression.Row{
		Reason: policy.UnsubscribeAll, Class: policy.Marketing, Source: suppression.ByOneClick, At: time.Unix(1.8e9, 0).UTC(),
	}}
}

func lift(key suppression.Key, reason policy.Reason, topic string, observed uint64) suppression.Change {
	return suppression.Change{Key: key, Op: suppression.Lift, Row: suppression.Row{Reason: reason, Topic: topic}, Observed: observed}
}

// sameAnswers compares the list to the model: rows of every key, checks (which may err on the side of a hit only where
// something was once added), position and scan.
func sameAnswers(t fataler, l *suppression.List, m *Model) {
	t.Helper()
	if l.Position() != m.Position() {
		t.Fatalf("position %d, model %d", l.Position(), m.Position())
	}
	all := make([]suppression.Key, keys)
	hit := make([]bool, keys)
	for i := range all {
		all[i] = Key(i)
	}
	if err := l.CheckBatch(context.Background(), all, hit); err != nil {
		t.Fatal(err)
	}
	for i, k := range all {
		got := must(l.Rows(nil, k))(t)
		want := m.Rows(k)
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("rows of key %d (- model, + list):\n%s", i, d)
		}
		if len(want) > 0 && !hit[i] {
			t.Fatalf("key %d has rows, but the check says it has none", i)
		}
	}
	sameScan(t, l, m)
}

func sameScan(t fataler, l *suppression.List, m *Model) {
	t.Helper()
	var got []suppression.Key
	if err := l.Scan(context.Background(), suppression.Key{}, func(k suppression.Key, rows []suppression.Row) bool {
		if d := cmp.Diff(m.Rows(k), rows); d != "" {
			t.Fatalf("rows in scan:\n%s", d)
		}
		got = append(got, k)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(m.Keys(), got); d != "" {
		t.Fatalf("keys in scan:\n%s", d)
	}
}

// One random history against list and model, with everything between that may not change an answer: clean reopen,
// power loss, a lost or stale filter file, rebuild, saving.
func TestList_GivesTheModelsAnswersOverRandomHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fs := vfs.NewCrashableMem()
		l := open(t, fs)
		var m Model
		reopen := func(on *vfs.MemFS) {
			fs = on
			l = open(t, fs)
		}
		t.Repeat(map[string]func(*rapid.T){
			"apply": func(t *rapid.T) {
				changes := Changes(keys, m.Position()).Draw(t, "changes")
				if got, want := must(l.Apply(context.Background(), changes...))(t), m.Apply(changes...); got != want {
					t.Fatalf("position %d, model %d", got, want)
				}
			},
			"reopen": func(t *rapid.T) {
				closeList(t, l)
				reopen(fs)
			},
			"power loss": func(t *rapid.T) {
				clone := fs.CrashClone(vfs.CrashCloneCfg{
					UnsyncedDataPercent: rapid.SampledFrom([]int{0, 50, 100}).Draw(t, "kept"), RNG: rand.New(rand.NewPCG(1, 2)),
				})
				closeList(t, l)
				reopen(clone)
			},
			"lose the filter": func(t *rapid.T) {
				closeList(t, l)
				_ = fs.Remove("list/filter")
				reopen(fs)
			},
			"maintain": func(t *rapid.T) { maintain(t, l) },
			"":         func(t *rapid.T) { sameAnswers(t, l, &m) },
		})
		closeList(t, l)
	})
}

func TestLift_LeavesWhatWasMadeLater(t *testing.T) {
	l := Open(t)
	ctx := context.Background()
	seen := must(l.Apply(ctx, unsubscribe(Key(1))))(t)
	must(l.Apply(ctx, unsubscribe(Key(1))))(t)
	must(l.Apply(ctx, lift(Key(1), 0, "", seen)))(t)
	if rows := must(l.Rows(nil, Key(1)))(t); len(rows) != 1 || rows[0].Position != seen+1 {
		t.Fatalf("rows %+v", rows)
	}
	must(l.Apply(ctx, lift(Key(1), 0, "", seen+1)))(t)
	if rows := must(l.Rows(nil, Key(1)))(t); len(rows) != 0 {
		t.Fatalf("rows %+v", rows)
	}
}

// docs/policy.md: only an evidenced opt-in lifts, and never a complaint.
func TestLift_OfAnyReasonSparesWhatThePersonMayNotLift(t *testing.T) {
	l := Open(t)
	complaint := unsubscribe(Key(1))
	complaint.Row.Reason = policy.Complaint
	at := must(l.Apply(context.Background(), unsubscribe(Key(1)), complaint))(t)
	must(l.Apply(context.Background(), lift(Key(1), 0, "", at)))(t)
	if rows := must(l.Rows(nil, Key(1)))(t); len(rows) != 1 || rows[0].Reason != policy.Complaint {
		t.Fatalf("rows %+v", rows)
	}
}

func TestApply_RefusesWhatCannotBe(t *testing.T) {
	l := Open(t)
	check := func(name string, changes ...suppression.Change) {
		t.Helper()
		if _, err := l.Apply(context.Background(), append(changes, unsubscribe(Key(1)))...); !errors.Is(err, suppression.ErrChange) {
			t.Errorf("%s: %v", name, err)
		}
	}
	with := func(edit func(*suppression.Change)) suppression.Change {
		c := unsubscribe(Key(2))
		edit(&c)
		return c
	}
	check("a lift from the future", lift(Key(1), 0, "", 1))
	check("no reason", with(func(c *suppression.Change) { c.Row.Reason = 0 }))
	check("no operation", with(func(c *suppression.Change) { c.Op = 0 }))
	check("a reason out of range", with(func(c *suppression.Change) { c.Row.Reason = 32 }))
	check("a class out of range", with(func(c *suppression.Change) { c.Row.Class = 8 }))
	check("a source out of range", with(func(c *suppression.Change) { c.Row.Source = 16 }))
	check("a long topic", with(func(c *suppression.Change) { c.Row.Topic = string(make([]byte, 256)) }))
	check("too many", make([]suppression.Change, suppression.MaxChanges)...)
	if l.Position() != 0 {
		t.Errorf("position %d after nothing but refusals", l.Position())
	}
	if rows := must(l.Rows(nil, Key(1)))(t); len(rows) != 0 {
		t.Errorf("all or none: %+v", rows)
	}
}

func TestApply_WithoutEffectWritesNothing(t *testing.T) {
	l := Open(t)
	at := must(l.Apply(context.Background(), unsubscribe(Key(1))))(t)
	for _, changes := range [][]suppression.Change{nil, {lift(Key(1), 0, "", 0)}} {
		if got := must(l.Apply(context.Background(), changes...))(t); got != at || l.Position() != at {
			t.Errorf("%d changes without effect: position %d, then %d; want %d", len(changes), got, l.Position(), at)
		}
	}
}

func TestApply_EndsWithItsContextBeforeItIsQueued(t *testing.T) {
	l := Open(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := l.Apply(ctx, unsubscribe(Key(1))); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if err := l.CheckBatch(ctx, nil, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func TestScan_GoesOnAfterAKey(t *testing.T) {
	l := Open(t)
	for i := range 10 {
		must(l.Apply(context.Background(), unsubscribe(Key(i))))(t)
	}
	must(l.Apply(context.Background(), lift(Key(3), 0, "", 10)))(t)
	var paged []suppression.Key
	for after := (suppression.Key{}); ; {
		before := len(paged)
		if err := l.Scan(context.Background(), after, func(k suppression.Key, _ []suppression.Row) bool {
			paged, after = append(paged, k), k
			return len(paged)%4 != 0
		}); err != nil {
			t.Fatal(err)
		}
		if len(paged) == before {
			break
		}
	}
	if len(paged) != 9 {
		t.Fatalf("%d keys", len(paged))
	}
	last := suppression.Key{}
	for i := range last {
		last[i] = 0xff
	}
	if err := l.Scan(context.Background(), last, func(suppression.Key, []suppression.Row) bool {
		t.Error("a key after the last one")
		return false
	}); err != nil {
		t.Fatal(err)
	}
}

func TestCheckBatch_DoesNotAllocate(t *testing.T) {
	l := Open(t)
	all := make([]suppression.Key, 1000)
	for i := range all {
		all[i] = Key(i)
	}
	must(l.Apply(context.Background(), unsubscribe(all[0]), unsubscribe(all[999])))(t)
	hit := make([]bool, len(all))
	ctx := context.Background()
	if n := testing.AllocsPerRun(50, func() {
		if err := l.CheckBatch(ctx, all, hit); err != nil || !hit[0] || !hit[999] {
			t.Fatalf("hits %v %v, %v", hit[0], hit[999], err)
		}
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
	if err := l.CheckBatch(ctx, all, hit[:999]); err == nil {
		t.Error("no room for the answers, and no error")
	}
}

func TestOpen_RefusesBadOptions(t *testing.T) {
	check := func(name string, edit func(*suppression.Options)) {
		t.Helper()
		o := Options(vfs.NewMem())
		edit(&o)
		if _, err := suppression.Open("list", o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	check("a short secret", func(o *suppression.Options) { o.Secret = o.Secret[:31] })
	check("a negative capacity", func(o *suppression.Options) { o.Capacity = -1 })
	check("a rate of one", func(o *suppression.Options) { o.FalsePositives = 1 })
}

// With another secret every key would differ and everybody would read as not suppressed.
func TestOpen_RefusesAnotherSecret(t *testing.T) {
	fs := vfs.NewMem()
	closeList(t, open(t, fs))
	o := Options(fs)
	o.Secret = make([]byte, 32)
	if _, err := suppression.Open("list", o); !errors.Is(err, suppression.ErrSecret) {
		t.Fatalf("got %v", err)
	}
}

func TestOpen_RefusesASecondOwner(t *testing.T) {
	fs := vfs.NewMem()
	l := open(t, fs)
	defer closeList(t, l)
	if _, err := suppression.Open("list", Options(fs)); !errors.Is(err, suppression.ErrInUse) {
		t.Fatalf("got %v", err)
	}
}
