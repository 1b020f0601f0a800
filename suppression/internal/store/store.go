package store

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
)

// format is the version of the keyspaces. It changes when an older program must not touch the store any more.
const format = 3

// The names of keyspace 'm'.
var (
	metaFormat = []byte{metaSpace, 'f'}
	metaID     = []byte{metaSpace, 'i'}
	metaSecret = []byte{metaSpace, 's'}
)

// Errors of Open that a caller may tell apart.
var (
	ErrSecret = errors.New("the suppression list was made with another secret: give it the one it was made with, " +
		"or nobody on it would be found; if that secret is lost, so is the list")
	ErrInUse  = errors.New("the suppression list's folder is in use by another process: stop that one, or use another folder")
	ErrFormat = errors.New("the suppression list was written by another version of this program: run that version")
	// ErrMissing: Options.MustExist, and there is no store.
	ErrMissing = errors.New("the suppression list is gone: bring its folder back from a copy, or everybody on it would be written to again")
)

// Store is an open store.
type Store struct {
	db   *pebble.DB
	fuse *fuse
	id   [16]byte
	last uint64 // position of the last record when opened

	writing sync.Mutex // held during a write, its sync included
	history uint64     // of the last record; Requires: touched by Commit and its caller only
}

// Open opens the store in dir, creating it and dir if there is none and Options.MustExist does not forbid it. Errors: ErrSecret,
// ErrInUse, ErrFormat, ErrMissing, ErrDead, ErrCorrupt.
func Open(dir string, o Options) (*Store, error) {
	if err := checkPresence(o.fileSystem(), dir, o.MustExist); err != nil {
		return nil, fmt.Errorf("open suppression store: %w", err)
	}
	s := &Store{fuse: newFuse()}
	cache := pebble.NewCache(max(o.CacheBytes, 1<<20))
	defer cache.Unref()
	var opening atomic.Bool
	opening.Store(true)
	err := s.fuse.do(func() (err error) {
		if err := checkLogs(o.fileSystem(), dir); err != nil {
			return err
		}
		s.db, err = pebble.Open(dir, o.pebbleOptions(s.fuse, &opening, cache))
		opening.Store(false)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open suppression store: %w", explain(err))
	}
	if err := s.fuse.do(func() error { return s.identify(&o) }); err != nil {
		return nil, errors.Join(fmt.Errorf("open suppression store: %w", err), s.Close())
	}
	return s, nil
}

// explain adds what to do to the errors of Pebble that have a remedy.
func explain(err error) error {
	switch {
	case errors.Is(err, syscall.EAGAIN): // fcntl(F_SETLK) of a lock that is held
		return fmt.Errorf("%w (%v)", ErrInUse, err)
	case pebble.IsCorruptionError(err):
		return fmt.Errorf("%w: %v; keep the folder as it is and restore a copy, or repair it before starting again", ErrCorrupt, err)
	}
	return err
}

// identify checks that the store is ours, or makes an empty one ours.
func (s *Store) identify(o *Options) error {
	version, err := s.meta(metaFormat)
	if errors.Is(err, pebble.ErrNotFound) && o.MustExist {
		return fmt.Errorf("%w: the store is empty", ErrMissing)
	}
	if errors.Is(err, pebble.ErrNotFound) {
		return s.found(o.Secret)
	}
	if err != nil {
		return err
	}
	if len(version) != 1 || version[0] != format {
		return fmt.Errorf("%w (format %x, not %x)", ErrFormat, version, format)
	}
	made, err := s.meta(metaSecret)
	if err != nil {
		return err
	}
	if string(made) != string(o.Secret[:]) {
		return ErrSecret
	}
	id, err := s.meta(metaID)
	if err != nil {
		return err
	}
	if copy(s.id[:], id) != len(s.id) {
		return fmt.Errorf("%w: store id of %d bytes", ErrCorrupt, len(id))
	}
	s.last, s.history, err = s.lastRecord()
	return err
}

// found writes who the store is into an empty one. A crash before its end leaves it empty.
func (s *Store) found(secret [16]byte) error {
	if empty, err := s.empty(); err != nil || !empty {
		return errors.Join(err, fmt.Errorf("%w: it has contents but no format", ErrCorrupt))
	}
	_, _ = rand.Read(s.id[:])
	s.history = s.origin()
	b := s.db.NewBatch()
	defer b.Close()
	for _, kv := range [...]struct{ k, v []byte }{{metaFormat, []byte{format}}, {metaID, s.id[:]}, {metaSecret, secret[:]}} {
		if err := b.Set(kv.k, kv.v, nil); err != nil {
			return err
		}
	}
	if err := b.Commit(pebble.Sync); err != nil {
		return err
	}
	// Pebble begins the first log before it has raised the format, without what tells damage from a torn tail. A
	// flush begins the next one.
	return s.db.Flush()
}

func (s *Store) empty() (bool, error) {
	it, err := s.db.NewIter(nil)
	if err != nil {
		return false, err
	}
	any := it.First()
	return !any, errors.Join(it.Error(), it.Close())
}

func (s *Store) meta(name []byte) ([]byte, error) {
	v, closer, err := s.db.Get(name)
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	return append([]byte(nil), v...), nil
}

// origin is the history before the first record.
func (s *Store) origin() uint64 { return binary.BigEndian.Uint64(s.id[:]) }

func (s *Store) lastRecord() (position, history uint64, err error) {
	it, err := s.db.NewIter(bounds(journalSpace))
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	if !it.Last() {
		return 0, s.origin(), it.Error()
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return 0, 0, err
	}
	position, history, _, err = splitRecord(it.Key(), value)
	return position, history, err
}

// bounds holds an iterator within one keyspace.
func bounds(space byte) *pebble.IterOptions {
	return &pebble.IterOptions{LowerBound: []byte{space}, UpperBound: []byte{space + 1}}
}

// ID is the random name that the store got when it was made.
func (s *Store) ID() [16]byte { return s.id }

// Last is the position of the last record when the store was opened; 0 if there was none.
func (s *Store) Last() uint64 { return s.last }

// History is the digest of all that has been committed. Requires: no Commit is running.
func (s *Store) History() uint64 { return s.history }

// Failed is the error that ended the store, or nil.
func (s *Store) Failed() error { return s.fuse.blown() }

// DiskBytes is the space the store takes, WAL included.
func (s *Store) DiskBytes() uint64 {
	if s.Failed() != nil {
		return 0
	}
	return s.db.Metrics().DiskSpaceUsage()
}

// Close closes the store and returns the error that ended it, if one did. The next start finds no log to replay. A store in which Pebble was stopped in
// mid-work is left as it is, lock included, until the process ends: closing it would wait for parked goroutines.
// Requires: no other call is running or follows.
func (s *Store) Close() error {
	if s.fuse.stuck() {
		return s.Failed()
	}
	if err := s.Failed(); err != nil {
		return errors.Join(err, s.db.Close())
	}
	return s.fuse.do(func() error {
		s.flush()
		return s.db.Close()
	})
}

// flush writes the rows in memory to tables, unless that fails: the log has them.
func (s *Store) flush() {
	s.fuse.failing.clear()
	flushed, err := s.db.AsyncFlush()
	if err != nil {
		return
	}
	select {
	case <-flushed:
	case <-s.fuse.failing: // Pebble would try again for ever
	}
}
