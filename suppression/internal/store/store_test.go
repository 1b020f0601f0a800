package store

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"heed/suppression/address"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/google/go-cmp/cmp"
)

func key(i int) (k address.Key) {
	rng := rand.New(rand.NewPCG(uint64(i), 7))
	binary.BigEndian.PutUint64(k[:8], rng.Uint64())
	binary.BigEndian.PutUint64(k[8:], rng.Uint64())
	return k
}

func open(t testing.TB, fs vfs.FS) *Store {
	t.Helper()
	s, err := Open("list", Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeStore(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// commit adds a row at each position after the last.
func commit(t testing.TB, s *Store, from, to uint64) {
	t.Helper()
	for p := from; p <= to; p++ {
		if err := s.Commit([]Record{{p, []Change{{key(int(p)), Entry{Reason: 2, Added: p, At: epoch}}}}}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStore_KeepsRowsAndJournal(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, fs)
	commit(t, s, 1, 20)
	id, history := s.ID(), s.History()
	closeStore(t, s)

	s = open(t, fs)
	defer closeStore(t, s)
	if s.ID() != id || s.Last() != 20 || s.History() != history {
		t.Fatalf("id %x, last %d, history %x; want %x, 20, %x", s.ID(), s.Last(), s.History(), id, history)
	}
	for p := 1; p <= 20; p++ {
		got, err := s.Get(nil, key(p))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(Set{{Reason: 2, Added: uint64(p), At: epoch}}, got); d != "" {
			t.Fatal(d)
		}
	}
	if got, err := s.Get(nil, key(21)); err != nil || len(got) != 0 {
		t.Fatalf("a key never heard of: %v, %v", got, err)
	}
}

func TestReplay_GivesWhatFollowsOnTheSameHistory(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, fs)
	commit(t, s, 1, 5)
	at5 := s.History()
	commit(t, s, 6, 9)
	at9 := s.History()
	if err := s.ForgetJournal(4); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	s = open(t, fs)
	defer closeStore(t, s)

	check := func(after, history uint64, want int, wantErr error) {
		t.Helper()
		var got []address.Key
		err := s.Replay(after, history, func(changes []Change) error {
			got = append(got, changes[0].Key)
			return nil
		})
		if !errors.Is(err, wantErr) || len(got) != want {
			t.Fatalf("after %d: %d records, %v; want %d, %v", after, len(got), err, want, wantErr)
		}
		for i, k := range got {
			if k != key(int(after)+1+i) {
				t.Fatalf("after %d: record %d is another one", after, i)
			}
		}
	}
	check(5, at5, 4, nil)
	check(9, at9, 0, nil)
	check(5, at5+1, 0, ErrJournal) // another history
	check(4, at5, 0, ErrJournal)   // forgotten
	check(0, at5, 0, ErrJournal)   // forgotten
	check(10, at9, 0, ErrJournal)  // not yet
	check(1<<63, at9, 0, ErrJournal)
}

func TestOpen_RefusesAnotherSecret(t *testing.T) {
	fs := vfs.NewMem()
	closeStore(t, open(t, fs))
	if _, err := Open("list", Options{FS: fs, Secret: [16]byte{1}}); !errors.Is(err, ErrSecret) {
		t.Fatalf("got %v", err)
	}
	closeStore(t, open(t, fs))
}

func TestOpen_RefusesASecondProcess(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, fs)
	defer closeStore(t, s)
	if _, err := Open("list", Options{FS: fs}); !errors.Is(err, ErrInUse) {
		t.Fatalf("got %v", err)
	}
}

func TestOpen_RefusesAnotherFormat(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, fs)
	if err := s.db.Set(metaFormat, []byte{format + 1}, nil); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	if _, err := Open("list", Options{FS: fs}); !errors.Is(err, ErrFormat) {
		t.Fatalf("got %v", err)
	}
}

// P5: what cannot be read must not read as "no rows".
func TestStore_UnreadableValueIsAnError(t *testing.T) {
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	for i, value := range [][]byte{{}, {0xff}, {1}, {0x82, 1, 0}} {
		k := key(i)
		if err := s.db.Set(rowKey(nil, &k), value, nil); err != nil {
			t.Fatal(err)
		}
		if rows, err := s.Get(nil, k); !errors.Is(err, ErrCorrupt) {
			t.Errorf("value %x reads as %v, %v", value, rows, err)
		}
		if err := s.PresentBatch([]address.Key{k}, make([]bool, 1)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("value %x checks with %v", value, err)
		}
	}
	snap, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	if err := snap.Scan(address.Key{}, func(address.Key, Set) bool { return true }); !errors.Is(err, ErrCorrupt) {
		t.Errorf("scan ends with %v", err)
	}
}

func TestPresentBatch_AnswersAsGetDoes(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, fs)
	commit(t, s, 1, 300)
	closeStore(t, s)
	s = open(t, fs) // the rows are in a table now
	defer closeStore(t, s)
	for p := uint64(301); p <= 400; p++ { // lift a third of them, in the memtable
		k := key(int(p-300) * 3)
		if err := s.Commit([]Record{{p, []Change{{k, Entry{Reason: 2, Lifted: p - 1}}}}}); err != nil {
			t.Fatal(err)
		}
	}
	keys := make([]address.Key, 500)
	hit := make([]bool, len(keys))
	for i := range keys {
		keys[i] = key(i + 1)
	}
	if err := s.PresentBatch(keys, hit); err != nil {
		t.Fatal(err)
	}
	for i, k := range keys {
		set, err := s.Get(nil, k)
		if err != nil || hit[i] != set.Present() || hit[i] != (i < 300 && (i+1)%3 != 0) {
			t.Fatalf("key %d: batch says %v, get says %v, %v", i+1, hit[i], set, err)
		}
	}
}

func TestFuse_LetsNobodyWaitForADeadDatabase(t *testing.T) {
	f := newFuse()
	err := f.do(func() error {
		f.Fatalf("WAL write: %s", "no space left")
		return nil
	})
	if !errors.Is(err, ErrDead) || !errors.Is(f.do(func() error { return nil }), ErrDead) || !errors.Is(f.blown(), ErrDead) {
		t.Fatalf("got %v, then %v", err, f.blown())
	}
}

// Who has seen damage still holds what the database must have back before it closes.
func TestFuse_WaitsForWhoHasOnlySeenDamage(t *testing.T) {
	f := newFuse()
	over := false
	err := f.do(func() error {
		f.blow("damaged data")
		runtime.Gosched()
		over = true
		return nil
	})
	if !errors.Is(err, ErrDead) || !over {
		t.Fatalf("%v, over: %v", err, over)
	}
}

// A disk without room for tables must not keep Close waiting: the log has everything.
func TestClose_EndsThoughTablesCannotBeWritten(t *testing.T) {
	mem := vfs.NewMem()
	closeStore(t, open(t, mem))
	troubles := make(chan error, 1000)
	full := &errorfs.Toggle{Injector: errorfs.ErrInjected}
	s, err := Open("list", Options{
		FS: errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if strings.HasSuffix(op.Path, ".sst") && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
				return full.MaybeError(op)
			}
			return nil
		})),
		Trouble: func(err error) { troubles <- err },
	})
	if err != nil {
		t.Fatal(err)
	}
	commit(t, s, 1, 20)
	full.On()
	closeStore(t, s)
	if err := <-troubles; !errors.Is(err, errorfs.ErrInjected) {
		t.Errorf("the operator hears of %v", err)
	}
	s = open(t, mem)
	defer closeStore(t, s)
	if set, err := s.Get(nil, key(20)); s.Last() != 20 || len(set) != 1 || err != nil {
		t.Fatalf("last %d, %v, %v", s.Last(), set, err)
	}
}
