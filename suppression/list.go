package suppression

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"heed/suppression/filter"
	"heed/suppression/internal/store"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// List is the suppression list. Safe for concurrent use.
//
// Lock order: commit before queue and before a gate shard; no two of the latter at once.
type List struct {
	o      Options
	fs     vfs.FS
	dir    string
	secret [16]byte
	store  *store.Store

	// ready answers checks; nil while it has to be rebuilt and the store answers instead.
	// Invariant: it holds every key with an addition in the store, and every key of a commit before that commit.
	ready    atomic.Pointer[filter.Filter]
	position atomic.Uint64 // latest change in force

	queue queue
	gate  gate

	commit struct {
		sync.Mutex
		next *filter.Filter // being built; receives the keys that commits add meanwhile
	}
	upkeep upkeep
}

// Errors that a caller may tell apart; each says what to do.
var (
	ErrSecret  = store.ErrSecret
	ErrInUse   = store.ErrInUse
	ErrFormat  = store.ErrFormat
	ErrMissing = store.ErrMissing
	ErrCorrupt = store.ErrCorrupt
	// ErrDead: a write has failed, so what is on disk is unknown until the process starts again. Every later call returns it.
	ErrDead = store.ErrDead
)

// Open opens the list in dir, creating it if needed and Options.MustExist allows. It answers correctly as soon as it returns: while the
// filter is being rebuilt, checks go to the store.
// Errors: ErrSecret, ErrInUse, ErrFormat, ErrMissing, ErrCorrupt, ErrDead. Cost: reads the filter file, 2.1 bytes an address; after a
// crash also the logs, up to 300 MB, and the journal since the filter was saved.
func Open(dir string, o Options) (*List, error) {
	o, err := o.complete()
	if err != nil {
		return nil, fmt.Errorf("open suppression list: %w", err)
	}
	l := &List{o: o, fs: o.FS, dir: dir, secret: fingerprint(o.Secret)}
	if l.fs == nil {
		l.fs = vfs.Default
	}
	l.gate.init()
	l.queue.init()
	l.upkeep.wake = make(chan struct{}, 1)
	l.store, err = store.Open(l.fs.PathJoin(dir, "rows"), store.Options{
		FS: o.FS, Secret: l.secret, CacheBytes: o.CacheBytes, MustExist: o.MustExist, Trouble: o.Events.trouble,
	})
	if err != nil {
		return nil, err
	}
	l.position.Store(l.store.Last())
	if err := l.openFilter(); err != nil {
		return nil, errors.Join(fmt.Errorf("open suppression list: %w", err), l.store.Close())
	}
	return l, nil
}

// Close saves the filter and closes the store. After ErrDead it does neither well: the folder may
// stay locked until the process ends. Requires: Run has returned, no other call is running or follows.
func (l *List) Close() error {
	if l.store.Failed() != nil {
		return l.store.Close()
	}
	return errors.Join(l.saveIfChanged(), l.store.Close())
}

// CheckBatch sets hit[i] if keys[i] may have rows: false is certain, true is confirmed by Rows.
// After an error no element of hit may be trusted. Requires: len(hit) >= len(keys).
// Cost: no allocation; see filter.TestBatch. While there is no filter, about a microsecond a key.
func (l *List) CheckBatch(ctx context.Context, keys []Key, hit []bool) error {
	if len(hit) < len(keys) {
		return fmt.Errorf("check %d keys: room for only %d answers", len(keys), len(hit))
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := l.store.Failed(); err != nil {
		return err
	}
	if f := l.ready.Load(); f != nil {
		f.TestBatch(keys, hit)
		return nil
	}
	return l.store.PresentBatch(keys, hit)
}

// Rows appends the live rows of a key, ordered by reason and topic. Cost: one Pebble read.
func (l *List) Rows(dst []Row, key Key) ([]Row, error) {
	set, err := l.store.Get(nil, key)
	if err != nil {
		return dst, fmt.Errorf("read suppression rows: %w", err)
	}
	return live(dst, set), nil
}

// Position is the position of the latest change in force.
func (l *List) Position() uint64 { return l.position.Load() }

// Scan calls fn for each key with live rows, in key order after `after`, until fn returns false. It sees the list
// as it was when Scan began. The rows are fn's only during the call.
func (l *List) Scan(ctx context.Context, after Key, fn func(Key, []Row) bool) error {
	from, ok := successor(after)
	if !ok {
		return nil
	}
	var rows []Row
	return l.scan(ctx, from, func(key Key, set store.Set) bool {
		rows = live(rows[:0], set)
		return len(rows) == 0 || fn(key, rows)
	})
}

// scan goes through the sets of one moment until ctx ends, which is an error.
func (l *List) scan(ctx context.Context, from Key, fn func(Key, store.Set) bool) (err error) {
	snap, err := l.store.Snapshot()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	const checkEvery = 1024
	n := 0
	err = snap.Scan(from, func(key Key, set store.Set) bool {
		if n++; n%checkEvery == 0 && ctx.Err() != nil {
			return false
		}
		return fn(key, set)
	})
	return errors.Join(err, ctx.Err())
}

// successor is the key after k; false for the last key.
func successor(k Key) (Key, bool) {
	for i := len(k) - 1; i >= 0; i-- {
		if k[i]++; k[i] != 0 {
			return k, true
		}
	}
	return k, false
}

// Stats describes the list.
type Stats struct {
	Keys           uint64 // keys in the filter, lifted ones until the next rebuild included; 0 while there is none
	FilterBytes    uint64
	FilterReady    bool
	FilterCapacity uint64
	DiskBytes      uint64 // about 28 bytes an address once settled, and up to 300 MB of logs kept for use again until the next start
	Position       uint64
}

// Stats is cheap enough to be asked every second.
func (l *List) Stats() Stats {
	s := Stats{DiskBytes: l.store.DiskBytes(), Position: l.Position()}
	if f := l.ready.Load(); f != nil {
		s.Keys, s.FilterBytes, s.FilterCapacity, s.FilterReady = f.Len(), f.Bytes(), f.Cap(), true
		s.DiskBytes += l.upkeep.fileBytes.Load()
	}
	return s
}
