package watch

import (
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// TestWatched_AMarkerNeverOutlivesWhatItNames: found by TestCrash with half of the unsynced folder entries kept.
func TestWatched_AMarkerNeverOutlivesWhatItNames(t *testing.T) {
	disk := vfs.NewCrashableMem()
	fs, _ := New(disk, func(error) {})
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
	tell := func(err error) { told = append(told, err) }
	fs, last := New(mem, tell)
	if _, err := fs.Open("none"); err == nil {
		t.Error("opened a file that is not there")
	}
	if _, err := fs.Stat("none"); err == nil || len(told) != 0 || last() != nil {
		t.Errorf("Stat: %v, told %v", err, told)
	}
	check := func(act string, fn func(vfs.FS) error) {
		t.Helper()
		told = nil
		fs, last := New(errorfs.Wrap(mem, errorfs.InjectorFunc(func(errorfs.Op) error { return errorfs.ErrInjected })), tell)
		err := fn(fs)
		if err == nil || len(told) != 1 || !errors.Is(told[0], err) || last() != err {
			t.Errorf("%s: %v, told %v", act, err, told)
		}
	}
	check("create", func(fs vfs.FS) error { _, err := fs.Create("a", ""); return err })
	check("reuse", func(fs vfs.FS) error { _, err := fs.ReuseForWrite("file", "a", ""); return err })
	check("open to write", func(fs vfs.FS) error { _, err := fs.OpenReadWrite("file", ""); return err })
	check("open folder", func(fs vfs.FS) error { _, err := fs.OpenDir(""); return err })
	check("rename", func(fs vfs.FS) error { return fs.Rename("file", "a") })
	check("list", func(fs vfs.FS) error { _, err := fs.List(""); return err })
}

// TestWatched_TellsOfAnOpenFileThatFails, once it is written, synced or closed.
func TestWatched_TellsOfAnOpenFileThatFails(t *testing.T) {
	check := func(act string, fn func(vfs.File) error) {
		t.Helper()
		var told []error
		broken := &errorfs.Toggle{Injector: errorfs.InjectorFunc(func(errorfs.Op) error { return errorfs.ErrInjected })}
		fs, _ := New(errorfs.Wrap(vfs.NewMem(), broken), func(err error) { told = append(told, err) })
		f, err := fs.Create("file", vfs.WriteCategoryUnspecified)
		must(t, err)
		broken.On()
		if err := fn(f); err == nil || len(told) != 1 || !errors.Is(told[0], err) {
			t.Errorf("%s: %v, told %v", act, err, told)
		}
		broken.Off()
		must(t, f.Close())
	}
	check("write", func(f vfs.File) error { _, err := f.Write([]byte("x")); return err })
	check("write at", func(f vfs.File) error { _, err := f.WriteAt([]byte("x"), 0); return err })
	check("sync", vfs.File.Sync)
	check("sync data", vfs.File.SyncData)
	check("sync to", func(f vfs.File) error { _, err := f.SyncTo(1); return err })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
