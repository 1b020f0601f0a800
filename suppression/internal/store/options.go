package store

import (
	"fmt"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options of Open.
type Options struct {
	FS         vfs.FS   // nil: the operating system's, with disk-health checks
	Secret     [16]byte // fingerprint of the secret that makes the keys
	CacheBytes int64    // block cache; at least 1 MiB is used
	MustExist  bool     // no store is ErrMissing, and none is founded
	// Trouble is told of a slow disk and of background work that failed and is tried again. It must not block. May be nil.
	Trouble func(error)
}

func (o *Options) fileSystem() vfs.FS {
	if o.FS == nil {
		return vfs.Default
	}
	return o.FS
}

// pebbleOptions are for small values under random keys, read seldom, written in synced groups. What measuring gave
// (1 M rows, 2 cores): no compression, since digests do not compress: 26 bytes a row with zstd, snappy or none, and Get
// took 12 µs with zstd, 8 with snappy, 6 with none. No filter at the last level, which holds nine rows in ten:
// ours stands before it, and theirs pays only if the cache holds all of it (1.25 bytes a row). Small blocks, two-level
// indexes and small tables, so that a read with a cold cache touches few bytes.
func (o *Options) pebbleOptions(f *fuse, opening *atomic.Bool, cache *pebble.Cache) *pebble.Options {
	p := &pebble.Options{
		FS:                          o.fileSystem(),
		Cache:                       cache,
		Comparer:                    pebble.DefaultComparer,
		Merger:                      merger,
		Logger:                      f,
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                64 << 20,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       2,
		L0StopWritesThreshold:       1000, // a write never waits for a compaction
		MaxOpenFiles:                4096,
	}
	for i := range p.Levels {
		l := &p.Levels[i]
		l.BlockSize = 4 << 10
		l.FilterPolicy = bloom.FilterPolicy(10)
		l.Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
		p.TargetFileSizes[i] = 8 << 20
	}
	p.Levels[len(p.Levels)-1].FilterPolicy = pebble.NoFilterPolicy
	p.EventListener = o.listener(f)
	if o.FS == nil {
		p.WithFSDefaults()
	}
	p.FS = strictFS{p.FS, f, opening}
	return p
}

func (o *Options) listener(f *fuse) *pebble.EventListener {
	trouble := o.Trouble
	if trouble == nil {
		trouble = func(error) {}
	}
	l := &pebble.EventListener{
		BackgroundError: func(err error) {
			f.failing.give()
			trouble(fmt.Errorf("suppression store: background work: %w", err))
		},
		DataCorruption: func(i pebble.DataCorruptionInfo) { f.blow("damaged data: " + i.String()) },
		DiskSlow:       func(i pebble.DiskSlowInfo) { trouble(fmt.Errorf("suppression store: slow disk: %s", i.String())) },
	}
	l.EnsureDefaults(f)
	return l
}
