package queue

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

func watch(fs vfs.FS, told *[]error) watched {
	return watched{fs, func(err error) { *told = append(*told, err) }, new(atomic.Pointer[error])}
}

// TestWatched_AMarkerNeverOutlivesWhatItNames: found by TestCrash with half of the unsynced folder entries kept.
func TestWatched_AMarkerNeverOutlivesWhatItNames(t *testing.T) {
	disk := vfs.NewCrashableMem()
	fs := watch(disk, new([]error))
	f, err := fs.Create("MANIFEST-000008", vfs.WriteCategoryUnspecified)
	must(t, err)
	must(t, errors.Join(f.Sync(), f.Close()))
	if _, err := disk.CrashClone(vfs.CrashCloneCfg{}).Stat("MANIFEST-000008"); err == nil {
		t.Fatal("a folder entry that was not synced outlived the crash: this test proves nothing")
	}
	f, err = fs.Create("marker.manifest.000002.MANIFEST-000008", vfs.WriteCategoryUnspecified)
	must(t, err)
	must(t, f.Close())
	if _, err := disk.CrashClone(vfs.CrashCloneCfg{}).Stat("MANIFEST-000008"); err != nil {
		t.Errorf("the marker may outlive its manifest: %v", err)
	}
}

// TestWatched_TellsOfWritesThatFailAndNotOfWhatIsMissing, since Pebble looks for files that need not be there.
func TestWatched_TellsOfWritesThatFailAndNotOfWhatIsMissing(t *testing.T) {
	var told []error
	mem := vfs.NewMem()
	fs := watch(mem, &told)
	if _, err := fs.Open("none"); err == nil {
		t.Error("opened a file that is not there")
	}
	if _, err := fs.Stat("none"); err == nil || len(told) != 0 || fs.last.Load() != nil {
		t.Errorf("Stat: %v, told %v", err, told)
	}
	check := func(act string, fn func(watched) error) {
		t.Helper()
		told = nil
		broken := &errorfs.Toggle{Injector: errorfs.InjectorFunc(func(errorfs.Op) error { return errorfs.ErrInjected })}
		fs := watch(errorfs.Wrap(mem, broken), &told)
		f, err := fs.Create("file", vfs.WriteCategoryUnspecified)
		must(t, err)
		broken.On()
		fs.FS = errorfs.Wrap(mem, broken)
		if err := fn(watched{fs.FS, fs.failed, fs.last}); f == nil || err == nil || len(told) != 1 || !errors.Is(told[0], err) {
			t.Errorf("%s: %v, told %v", act, err, told)
		}
		broken.Off()
		must(t, f.Close())
	}
	check("create", func(w watched) error { _, err := w.Create("a", ""); return err })
	check("reuse", func(w watched) error { _, err := w.ReuseForWrite("file", "a", ""); return err })
	check("open to write", func(w watched) error { _, err := w.OpenReadWrite("file", ""); return err })
	check("open folder", func(w watched) error { _, err := w.OpenDir(""); return err })
	check("rename", func(w watched) error { return w.Rename("file", "a") })
	check("list", func(w watched) error { _, err := w.List(""); return err })
}
