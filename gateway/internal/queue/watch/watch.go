// Package watch is a file system under Pebble that mends two things Pebble 2.1.7 leaves open (decisions/0011).
//
// It tells of the first write that fails, before Pebble hears of it: Pebble ends the process on some of these failures, and when a log file
// cannot be begun or ended it does so without a word of the cause (a panic in rotateWAL meets an unlocked mutex).
//
// It syncs the folder before a marker is made. A marker names the MANIFEST in force, and Pebble makes both before one sync of the
// folder: where folder entries may reach the disk in any order, a loss of power in between leaves a marker that names nothing.
//
// It does not mend failures of reading, and it retries nothing. Safe for concurrent use.
package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// watched is the file system with a watch on it.
type watched struct {
	vfs.FS
	failed func(error)
	last   atomic.Pointer[error]
}

// New returns under with a watch on it. failed is called with every write that fails, from any goroutine, and must not block. last
// returns the latest failure of any kind, for errors that lack their cause; nil if there was none.
func New(under vfs.FS, failed func(error)) (fs vfs.FS, last func() error) {
	w := &watched{FS: under, failed: failed}
	return w, func() error {
		if err := w.last.Load(); err != nil {
			return *err
		}
		return nil
	}
}

func (w *watched) check(act, name string, err error) error {
	if err != nil {
		w.last.Store(&err)
		w.failed(fmt.Errorf("queue: the store can no longer write: %s %s: %w", act, w.PathBase(name), err))
	}
	return err
}

// look keeps a failure that Pebble can bear or will report itself. A file that is not there is none.
func (w *watched) look(err error) error {
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.last.Store(&err)
	}
	return err
}

func (w *watched) file(f vfs.File, name string, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return file{f, w, name}, nil
}

func (w *watched) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasPrefix(w.PathBase(name), "marker.") {
		if err := w.syncFolder(w.PathDir(name)); err != nil {
			return nil, err
		}
	}
	f, err := w.FS.Create(name, c)
	return w.file(f, name, w.check("create", name, err))
}

func (w *watched) syncFolder(name string) error {
	d, err := w.OpenDir(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (w *watched) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := w.FS.ReuseForWrite(old, name, c)
	return w.file(f, name, w.check("reuse", name, err))
}

func (w *watched) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := w.FS.OpenReadWrite(name, c, opts...)
	return w.file(f, name, w.check("open", name, err))
}

func (w *watched) OpenDir(name string) (vfs.File, error) {
	f, err := w.FS.OpenDir(name)
	return w.file(f, name, w.check("open folder", name, err))
}

func (w *watched) Rename(old, name string) error {
	return w.check("rename", name, w.FS.Rename(old, name))
}

func (w *watched) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := w.FS.Open(name, opts...)
	return f, w.look(err)
}

func (w *watched) List(dir string) ([]string, error) {
	list, err := w.FS.List(dir)
	return list, w.check("list", dir, err)
}

func (w *watched) Stat(name string) (vfs.FileInfo, error) {
	i, err := w.FS.Stat(name)
	return i, w.look(err)
}

func (w *watched) Remove(name string) error { return w.look(w.FS.Remove(name)) }

// Unwrap is for vfs.Root.
func (w *watched) Unwrap() vfs.FS { return w.FS }

// file is a file or folder that can be written.
type file struct {
	vfs.File
	w    *watched
	name string
}

func (f file) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, f.w.check("write", f.name, err)
}

func (f file) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(p, off)
	return n, f.w.check("write", f.name, err)
}

func (f file) Sync() error     { return f.w.check("sync", f.name, f.File.Sync()) }
func (f file) SyncData() error { return f.w.check("sync", f.name, f.File.SyncData()) }

func (f file) SyncTo(length int64) (bool, error) {
	full, err := f.File.SyncTo(length)
	return full, f.w.check("sync", f.name, err)
}

func (f file) Close() error { return f.w.check("close", f.name, f.File.Close()) }
