package queue

import (
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"heed/gateway/internal/queue/format"
)

// A queue that was lost, or its marker, is not founded anew in its place, and what is left is not touched. // README, P2
func TestOpen_RefusesALostQueue(t *testing.T) {
	check := func(name string, mustExist bool, want error, lose func(fs vfs.FS) error) {
		t.Helper()
		fs := vfs.NewMem()
		q := open(t, Options{FS: fs})
		must(t, q.Append(simple(1, 2)))
		must(t, q.Close())
		must(t, lose(fs))
		before := fs.String()
		q, err := Open("queue", Options{FS: fs, MustExist: mustExist})
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if err == nil {
			must(t, q.Close())
		}
		if after := fs.String(); want != nil && after != before {
			t.Errorf("%s: was\n%s\nis\n%s", name, before, after)
		}
	}
	all := func(fs vfs.FS) error { return fs.RemoveAll("queue") }
	contents := func(fs vfs.FS) error { return errors.Join(all(fs), fs.MkdirAll("queue", 0o700)) }
	marker := func(fs vfs.FS) error {
		names, err := fs.List("queue")
		for _, name := range names {
			if strings.HasPrefix(name, "marker.manifest") {
				err = errors.Join(err, fs.Remove(fs.PathJoin("queue", name)))
			}
		}
		return err
	}
	check("all of it", true, ErrMissing, all)
	check("its contents", true, ErrMissing, contents)
	check("the marker", true, format.ErrDamaged, marker)
	check("the marker of a queue that need not be", false, format.ErrDamaged, marker)
	check("nothing", true, nil, func(vfs.FS) error { return nil })
}
