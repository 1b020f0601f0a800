package transfer

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// prefix begins the ids of jobs and the names of their files.
const prefix = "imp_"

func (r *Runner) path(id string) string { return r.o.FS.PathJoin(r.dir, id) }

// spool writes a tenant's file to stable storage under the job's id, once it is clear that it can be read at all. What it wrote counts
// as waiting, even where it fails.
func (r *Runner) spool(id, tenant string, d Defaults, from io.Reader) (int64, error) {
	file, err := r.o.FS.Create(r.path(id), vfs.WriteCategoryUnspecified)
	if err != nil {
		return 0, fmt.Errorf("store import: %w", noRoom(err))
	}
	size, err := r.fill(file, tenant, io.LimitReader(from, r.o.MaxBytes+1))
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return size, fmt.Errorf("store import: %w", noRoom(err))
	}
	if err := r.readable(id, d); err != nil {
		return size, err
	}
	if err := r.syncDir(r.dir); err != nil {
		return size, fmt.Errorf("store import: %w", err)
	}
	return size, nil
}

// fill copies a file, and asks for room before each step of it.
func (r *Runner) fill(to io.Writer, tenant string, from io.Reader) (size int64, err error) {
	for {
		if err := r.room(tenant); err != nil {
			return size, err
		}
		n, err := io.CopyN(to, from, roomStep)
		size += n
		r.waiting.add(tenant, n)
		switch {
		case size > r.o.MaxBytes:
			return size, ErrTooLarge
		case err == io.EOF:
			return size, nil
		case err != nil:
			return size, err
		}
	}
}

// readable reports what makes a file unreadable as a whole.
func (r *Runner) readable(id string, d Defaults) error {
	file, err := r.openSpool(id)
	if err != nil {
		return fmt.Errorf("store import: %w", err)
	}
	defer file.Close()
	_, err = NewReader(file, d)
	return err
}

// syncDir makes the names in a directory durable.
func (r *Runner) syncDir(name string) error {
	dir, err := r.o.FS.OpenDir(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// spooled is a file in dir, open for reading from any place.
type spooled struct {
	*io.SectionReader
	io.Closer
}

func (r *Runner) openSpool(id string) (*spooled, error) {
	file, err := r.o.FS.Open(r.path(id))
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, err
	}
	return &spooled{io.NewSectionReader(file, 0, info.Size()), file}, nil
}

// clear counts the files that wait for their import, and removes those of jobs that are finished, or were never recorded and so never
// promised to anybody. Other files in dir are not ours and stay.
func (r *Runner) clear() error {
	names, err := r.o.FS.List(r.dir)
	if err != nil {
		return fmt.Errorf("open imports: %w", err)
	}
	open, err := r.jobs("", func(s *Status) bool { return s.Finished.IsZero() })
	if err != nil {
		return fmt.Errorf("open imports: %w", err)
	}
	for _, s := range open {
		r.waiting.add(s.Tenant, s.Size)
	}
	for _, name := range names {
		waits := slices.ContainsFunc(open, func(s Status) bool { return s.ID == name })
		if waits || !strings.HasPrefix(name, prefix) {
			continue
		}
		if err := r.o.FS.Remove(r.path(name)); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("open imports: %w", err)
		}
	}
	return nil
}
