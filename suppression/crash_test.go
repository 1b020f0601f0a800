package suppression_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"heed/suppression"
	. "heed/suppression/suppressiontest"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// script is a history that goes through everything the list writes: creation, groups, a saved filter with the journal cut
// behind it, a clean stop, a replay, growth, another stop.
type script struct {
	model Model // all changes, whether applied or not; the list must always be at a prefix of them
	acked struct {
		sync.Mutex
		position uint64 // of the last Apply that returned nil
	}
	history [][]suppression.Change
}

func newScript(seed int) *script {
	s := &script{}
	for i := range 40 {
		changes := Changes(keys, s.model.Position()).Example(seed + i)
		s.history = append(s.history, changes)
		s.model.Apply(changes...)
	}
	return s
}

// acknowledged is the least position that a list opened now must have.
func (s *script) acknowledged() uint64 {
	s.acked.Lock()
	defer s.acked.Unlock()
	return s.acked.position
}

// run plays the script on fs until the first error.
func (s *script) run(fs vfs.FS) error {
	third := len(s.history) / 3
	for part, history := range [][][]suppression.Change{s.history[:third], s.history[third : 2*third], s.history[2*third:]} {
		if err := s.session(fs, part, history); err != nil {
			return err
		}
	}
	return nil
}

// session opens the list, applies, and leaves in one of the ways there are.
func (s *script) session(fs vfs.FS, part int, history [][]suppression.Change) error {
	o := Options(fs)
	o.Capacity = 1 + part*5 // so that the filter must grow
	l, err := suppression.Open("list", o)
	if err != nil {
		return err
	}
	err = s.apply(l, history[:len(history)/2])
	if err == nil && part > 0 {
		err = l.Maintain(context.Background())
	}
	if err == nil {
		err = s.apply(l, history[len(history)/2:])
	}
	return errors.Join(err, l.Close())
}

func (s *script) apply(l *suppression.List, history [][]suppression.Change) error {
	for _, changes := range history {
		position, err := l.Apply(context.Background(), changes...)
		if err != nil {
			return err
		}
		s.acked.Lock()
		s.acked.position = position
		s.acked.Unlock()
	}
	return nil
}

// verify opens what a crash has left: the list must be at a prefix of the history that has at least everything
// acknowledged, with the filter as it finds it and with the filter rebuilt.
func (s *script) verify(t *testing.T, what string, fs vfs.FS, acknowledged uint64) {
	t.Helper()
	l, err := suppression.Open("list", Options(fs))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if l.Position() < acknowledged {
		t.Fatalf("%s: position %d, but %d was acknowledged", what, l.Position(), acknowledged)
	}
	then := s.model.At(l.Position())
	sameAnswers(t, l, then)
	maintain(t, l)
	if !l.Stats().FilterReady {
		t.Fatalf("%s: no filter after maintenance", what)
	}
	sameAnswers(t, l, then)
	closeList(t, l)
}

// P1: power is lost at every write, and 0, 50 or 100 % of what was
// not synced survives.
func TestCrash_AtEveryWriteNothingAcknowledgedIsLost(t *testing.T) {
	s := newScript(1)
	mem := vfs.NewCrashableMem()
	type crash struct {
		what  string
		fs    *vfs.MemFS
		acked uint64
	}
	var mu sync.Mutex
	var crashes []crash
	writes, chosen := 0, sample(t, 16)
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if writes++; !chosen(writes) {
			return nil
		}
		acked := s.acknowledged() // before the clone: what is acknowledged during it may be missing
		for _, kept := range []int{0, 50, 100} {
			clone := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: kept, RNG: rand.New(rand.NewPCG(uint64(writes), uint64(kept)))})
			crashes = append(crashes, crash{fmt.Sprintf("crash before write %d (%v %s), %d %% kept", writes, op.Kind, op.Path, kept), clone, acked})
		}
		return nil
	}))
	if err := s.run(fs); err != nil {
		t.Fatal(err)
	}
	if s.acknowledged() != s.model.Position() {
		t.Fatalf("the script stopped at %d of %d", s.acknowledged(), s.model.Position())
	}
	t.Logf("%d writes, %d crashes", writes, len(crashes))
	for _, c := range crashes {
		s.verify(t, c.what, c.fs, c.acked)
	}
}

// Each file operation fails once, reads included. What follows is an error or nothing; and after a power loss on top of it,
// everything acknowledged is there: no success after a failed fsync.
func TestFault_EachFileOperationFailsOnce(t *testing.T) {
	chosen := sample(t, 16)
	for n := int32(0); ; n++ {
		if !chosen(int(n)) {
			continue
		}
		s := newScript(2)
		mem := vfs.NewCrashableMem()
		index := errorfs.OnIndex(n)
		err := s.run(errorfs.Wrap(mem, index))
		if index.Load() >= 0 { // fewer operations than n
			if err != nil {
				t.Fatalf("nothing was injected: %v", err)
			}
			t.Logf("%d operations", n)
			return
		}
		s.verify(t, fmt.Sprintf("operation %d failed (%v), then power loss", n, err), mem.CrashClone(vfs.CrashCloneCfg{}), s.acknowledged())
	}
}

// A disk that stays broken: the first failed commit is the last word. Checks fail closed too (P5).
func TestFault_AfterAFailedWriteTheListRefusesEverything(t *testing.T) {
	mem := vfs.NewCrashableMem()
	toggle := &errorfs.Toggle{Injector: errorfs.ErrInjected}
	l, err := suppression.Open("list", Options(errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return toggle.MaybeError(op)
		}
		return nil
	}))))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	must(l.Apply(ctx, unsubscribe(Key(1))))(t)
	toggle.On()
	if _, err := l.Apply(ctx, unsubscribe(Key(2))); !errors.Is(err, suppression.ErrDead) {
		t.Fatalf("apply on a broken disk: %v", err)
	}
	toggle.Off() // too late: a retried fsync is not a success
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, suppression.ErrDead) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = l.Apply(ctx, unsubscribe(Key(3)))
	refused("apply", err)
	_, err = l.Apply(ctx)
	refused("apply of nothing", err)
	refused("check", l.CheckBatch(ctx, []suppression.Key{Key(9)}, make([]bool, 1)))
	_, err = l.Rows(nil, Key(1))
	refused("rows", err)
	h, err := l.Admit([]suppression.Key{Key(9)}, func([]suppression.Row) error { return nil })
	refused("admit", err)
	if h != nil {
		t.Error("admitted")
	}
	refused("scan", l.Scan(ctx, suppression.Key{}, func(suppression.Key, []suppression.Row) bool { return true }))
	refused("close", l.Close())
	l = open(t, mem.CrashClone(vfs.CrashCloneCfg{}))
	defer closeList(t, l)
	if rows := must(l.Rows(nil, Key(1)))(t); len(rows) != 1 {
		t.Errorf("what was acknowledged before: %v", rows)
	}
}
