package suppression_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"heed/suppression"
	. "heed/suppression/suppressiontest"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// tree is every file below a folder with its content.
func tree(t testing.TB, fs vfs.FS, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	names, err := fs.List(dir)
	if err != nil {
		return all
	}
	for _, name := range names {
		path := fs.PathJoin(dir, name)
		info, err := fs.Stat(path)
		switch {
		case err != nil:
			t.Fatal(err)
		case info.IsDir():
			all[path] = "folder"
			maps.Copy(all, tree(t, fs, path))
		default:
			all[path] = string(readFile(t, fs, path))
		}
	}
	return all
}

func removeMarker(t testing.TB, fs vfs.FS) {
	t.Helper()
	for path := range tree(t, fs, "list") {
		if strings.HasPrefix(fs.PathBase(path), "marker.manifest") {
			must(0, fs.Remove(path))(t)
		}
	}
}

// P5: a list that was lost, or part of it, never reads as "nobody suppressed", and what is left of it is not touched.
func TestLost_ListIsNotFoundedAnew(t *testing.T) {
	check := func(name string, mustExist bool, want error, lose func(t *testing.T, fs *vfs.MemFS)) {
		t.Run(name, func(t *testing.T) {
			fs := closedList(t, 20)
			closeList(t, open(t, fs)) // so that rows are in tables
			lose(t, fs)
			before := tree(t, fs, "list")
			o := Options(fs)
			o.MustExist = mustExist
			l, err := suppression.Open("list", o)
			if !errors.Is(err, want) {
				if err == nil {
					closeList(t, l)
				}
				t.Fatalf("got %v, want %v", err, want)
			}
			if after := tree(t, fs, "list"); mustExist && !maps.Equal(before, after) {
				t.Errorf("the folder was changed")
			}
		})
	}
	remove := func(path string) func(*testing.T, *vfs.MemFS) {
		return func(t *testing.T, fs *vfs.MemFS) { must(0, fs.RemoveAll(path))(t) }
	}
	check("all of it", true, suppression.ErrMissing, remove("list"))
	check("the rows", true, suppression.ErrMissing, remove("list/rows"))
	check("the rows, and the filter tells", false, suppression.ErrCorrupt, remove("list/rows"))
	check("the contents of the rows", true, suppression.ErrMissing, func(t *testing.T, fs *vfs.MemFS) {
		remove("list/rows")(t, fs)
		must(0, fs.MkdirAll("list/rows", 0o700))(t)
	})
	marker := func(t *testing.T, fs *vfs.MemFS) {
		removeMarker(t, fs)
		must(0, fs.Remove("list/filter"))(t)
	}
	check("the marker", true, suppression.ErrCorrupt, marker)
	check("the marker of a list that need not be", false, suppression.ErrCorrupt, marker)
}

// MustExist forbids to found a list, and nothing else.
func TestMustExist_OpensWhatIsThere(t *testing.T) {
	fs := closedList(t, 5)
	o := Options(fs)
	o.MustExist = true
	l := must(suppression.Open("list", o))(t)
	everyKeyIsFound(t, l, 5)
	closeList(t, l)
}

// A store older than the filter beside it has lost what came between; an older filter has not.
func TestFilterFile_ThatKnowsMoreThanTheStoreIsLostHistory(t *testing.T) {
	const n = 20
	check := func(name string, spoil func(t *testing.T, fs *vfs.MemFS)) {
		t.Run(name, func(t *testing.T) {
			fs := closedList(t, n)
			spoil(t, fs)
			if _, err := suppression.Open("list", Options(fs)); !errors.Is(err, suppression.ErrCorrupt) {
				t.Fatalf("opened, or %v", err)
			}
			must(0, fs.Rename("list/filter", "list/aside"))(t) // what the error says to do
			l := open(t, fs)
			everyKeyIsFound(t, l, n)
			closeList(t, l)
		})
	}
	check("of another store", func(t *testing.T, fs *vfs.MemFS) {
		writeFile(t, fs, "list/filter", readFile(t, closedList(t, n), "list/filter"))
	})
	check("from a later time than the store", func(t *testing.T, fs *vfs.MemFS) {
		later := fs.CrashClone(vfs.CrashCloneCfg{})
		l := open(t, later)
		must(l.Apply(context.Background(), unsubscribe(Key(n))))(t)
		closeList(t, l)
		writeFile(t, fs, "list/filter", readFile(t, later, "list/filter"))
	})
}
