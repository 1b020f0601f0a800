package queue

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"heed/gateway/internal/queue/watch"
)

// store is Pebble with one way to fail. The first failure of a write is kept, told once and answered ever after: a
// retried sync after a failed one proves nothing, so nothing is written again until the process has been started anew.
type store struct {
	db      *pebble.DB
	lock    *pebble.Lock
	cache   *pebble.Cache
	files   *pebble.FileCache
	fs      vfs.FS
	dir     string
	trouble func(error)
	failure atomic.Pointer[error]
	diskErr func() error // the latest failure of the file system
	closing atomic.Bool
}

const (
	memTableBytes = 64 << 20
	blockBytes    = 32 << 10
	openFiles     = 1000
)

func openStore(dir string, o *Options, trouble func(error)) (*store, error) {
	s := &store{fs: o.FS, dir: dir, trouble: trouble}
	if s.fs == nil {
		s.fs = vfs.Default
	}
	if err := checkPresence(s.fs, dir, o.MustExist); err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	if err := s.fs.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make queue folder: %w", err)
	}
	lock, err := pebble.LockDirectory(dir, s.fs)
	if err != nil {
		return nil, fmt.Errorf("lock queue folder %s: another process has it open, stop that one first: %w", dir, err)
	}
	s.lock = lock
	if err := s.openPebble(o); err != nil {
		return nil, errors.Join(fmt.Errorf("open queue %s: %w", dir, err), lock.Close())
	}
	return s, nil
}

func (s *store) openPebble(o *Options) (err error) {
	s.cache = pebble.NewCache(o.CacheBytes)
	// A cache of files that is ours outlives a failed Open, whose goroutines may still use it.
	s.files = pebble.NewFileCache(runtime.GOMAXPROCS(0), openFiles)
	defer s.caught("open", &err)
	s.db, err = pebble.Open(s.dir, s.pebbleOptions())
	return err
}

// pebbleOptions are chosen for large sequential appends: few, big memtables, room in level 0 for bursts, and blocks of
// about half a payload.
func (s *store) pebbleOptions() *pebble.Options {
	watched, last := watch.New(s.fs, func(err error) { s.fail(err) })
	s.diskErr = last
	po := &pebble.Options{
		FS:                          watched,
		Lock:                        s.lock,
		Cache:                       s.cache,
		FileCache:                   s.files,
		MaxOpenFiles:                openFiles,
		Logger:                      logger{s},
		EventListener:               s.listener(),
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                memTableBytes,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       8,
		L0StopWritesThreshold:       64,
		LBaseMaxBytes:               256 << 20,
		WALBytesPerSync:             1 << 20,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
	}
	po.TargetFileSizes[0] = 16 << 20
	for i := range po.Levels {
		po.Levels[i].BlockSize = blockBytes
		po.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	po.WithFSDefaults() // disk-health checks
	return po
}

// listener hears of failures of background work that no call returns.
func (s *store) listener() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) {
			if !s.closing.Load() && !errors.Is(err, pebble.ErrCancelledCompaction) {
				s.fail(fmt.Errorf("queue: background work: %w", err))
			}
		},
		DataCorruption: func(i pebble.DataCorruptionInfo) {
			s.fail(fmt.Errorf("queue: damaged file: %w", i.Details))
		},
	}
}

// logger keeps Pebble quiet, and keeps it from leaving with os.Exit.
type logger struct{ s *store }

func (logger) Infof(string, ...any)  {}
func (logger) Errorf(string, ...any) {}

// Fatalf must not return: Pebble would go on and report a commit as done that is not. On a goroutine of ours the panic is caught by
// caught; on one of Pebble's own it ends the process with this text, after Trouble has been told.
func (l logger) Fatalf(format string, args ...any) {
	panic(l.s.fail(fmt.Errorf("queue: the store can no longer write and has stopped: "+format, args...)))
}

// caught turns a panic of Pebble's into a failure of the store.
func (s *store) caught(act string, err *error) {
	r := recover()
	if r == nil {
		return
	}
	cause, ok := r.(error)
	if !ok {
		cause = fmt.Errorf("%v", r)
		if last := s.diskErr(); last != nil {
			cause = fmt.Errorf("%v, after %w", r, last)
		}
	}
	*err = s.fail(fmt.Errorf("queue: %s: %w", act, cause))
}

// fail keeps the first failure, tells it, and returns it.
func (s *store) fail(err error) error {
	if s.failure.CompareAndSwap(nil, &err) {
		s.trouble(err)
	}
	return *s.failure.Load()
}

// failed returns the failure that ended all writing, or nil.
func (s *store) failed() error {
	if err := s.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// commit writes a batch; when a synced one returns nil, it and every unsynced one before it are durable. The batch is used up.
func (s *store) commit(b *pebble.Batch, o *pebble.WriteOptions) (err error) {
	if err := s.failed(); err != nil {
		return err
	}
	defer s.caught("write", &err)
	if err := b.Commit(o); err != nil {
		return s.fail(fmt.Errorf("queue: write: %w", err))
	}
	if err := b.Close(); err != nil {
		return s.fail(fmt.Errorf("queue: write: %w", err))
	}
	return s.failed()
}

// get returns a copy of a value, ErrNotFound if there is none.
func (s *store) get(r pebble.Reader, key []byte) ([]byte, error) {
	v, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("queue: read: %w", err)
	}
	b := append(make([]byte, 0, len(v)), v...)
	return b, closer.Close()
}

// has reports whether a key is there.
func (s *store) has(key []byte) (bool, error) {
	_, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("queue: read: %w", err)
	}
	return true, closer.Close()
}

// scan calls fn with every key and value in [lower, upper), in order, until fn says stop. fn keeps neither.
func scan(r pebble.Reader, lower, upper []byte, fn func(key, value []byte) (more bool, err error)) (err error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return fmt.Errorf("queue: read: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("queue: read: %w", err)
		}
		if more, err := fn(it.Key(), v); err != nil || !more {
			return err
		}
	}
	return nil
}

// free is the number of bytes left on the volume, or the largest number where the file system cannot tell.
func (s *store) free() (uint64, error) {
	u, err := s.fs.GetDiskUsage(s.dir)
	if errors.Is(err, vfs.ErrUnsupported) {
		return ^uint64(0), nil
	}
	if err != nil {
		return 0, fmt.Errorf("queue: free space: %w", err)
	}
	return u.AvailBytes, nil
}

// close ends Pebble and gives the folder back. A store that has failed is left as it is: Pebble may still hold its own locks,
// and only a new process may open the folder.
func (s *store) close() error {
	s.closing.Store(true)
	if err := s.failed(); err != nil {
		return err
	}
	err := s.db.Close()
	s.files.Unref()
	s.cache.Unref()
	return errors.Join(err, s.lock.Close())
}
