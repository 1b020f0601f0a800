package store

import (
	"errors"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// strictFS is the file system that Pebble sees. It mends three places where Pebble trusts its disk too much.
//
// It makes the name of a new MANIFEST durable at once. Pebble syncs the folder only after it has pointed the marker to
// the new MANIFEST: where a file system may keep the later of two unsynced names and lose the earlier (POSIX promises
// no order), a power loss in between leaves a marker that points to nothing, and a store that does not open.
//
// It blows the fuse when a folder cannot be synced or a log cannot be written. Pebble panics then, at times in a goroutine where
// nobody could recover, and would take the process with it.
//
// And it blows the fuse when writing fails while Pebble opens. An Open that fails late closes its caches under the feet of
// the flushes and compactions it has already started, which panic.
type strictFS struct {
	vfs.FS
	fuse *fuse
	// opening is true until Pebble is open.
	opening *atomic.Bool
}

func (s strictFS) Unwrap() vfs.FS { return s.FS }

func (s strictFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := s.FS.Create(name, category)
	if err = s.strict(s.strictLog(name, err)); err != nil {
		return nil, err
	}
	if strings.HasPrefix(s.PathBase(name), "MANIFEST-") {
		if err := s.syncDir(s.PathDir(name)); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return strictFile{f, s, name}, nil
}

func (s strictFS) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := s.FS.ReuseForWrite(from, to, category)
	return strictFile{f, s, to}, s.strictLog(to, err)
}

// strictLog returns the error it is given, unless the file is a log: then it does not return.
func (s strictFS) strictLog(name string, err error) error {
	if err != nil && strings.HasSuffix(name, ".log") {
		s.fuse.Fatalf("log: %v", err)
	}
	return err
}

func (s strictFS) syncDir(name string) error {
	dir, err := s.OpenDir(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (s strictFS) OpenDir(name string) (vfs.File, error) {
	dir, err := s.FS.OpenDir(name)
	if err = s.strict(err); err != nil {
		return nil, err
	}
	return strictDir{dir, s.fuse}, nil
}

func (s strictFS) Rename(from, to string) error { return s.strict(s.FS.Rename(from, to)) }

func (s strictFS) List(dir string) ([]string, error) {
	names, err := s.FS.List(dir)
	return names, s.strict(err)
}

// strict returns the error it is given, unless Pebble is being opened: then it does not return.
func (s strictFS) strict(err error) error {
	if err != nil && s.opening.Load() {
		s.fuse.Fatalf("open: %v", err)
	}
	return err
}

// strictFile is a file that is being written.
type strictFile struct {
	vfs.File
	fs   strictFS
	name string
}

func (f strictFile) strict(err error) error { return f.fs.strict(f.fs.strictLog(f.name, err)) }

func (f strictFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, f.strict(err)
}

func (f strictFile) SyncTo(length int64) (full bool, err error) {
	full, err = f.File.SyncTo(length)
	return full, f.strict(err)
}

func (f strictFile) Sync() error     { return f.strict(f.File.Sync()) }
func (f strictFile) SyncData() error { return f.strict(f.File.SyncData()) }
func (f strictFile) Close() error    { return f.strict(f.File.Close()) }

// strictDir is an open folder.
type strictDir struct {
	vfs.File
	fuse *fuse
}

func (d strictDir) Sync() error {
	if err := d.File.Sync(); err != nil {
		d.fuse.Fatalf("sync folder: %v", err)
	}
	return nil
}
