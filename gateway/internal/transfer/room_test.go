package transfer

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// disk is a file system of so many bytes, less those written.
type disk struct {
	vfs.FS
	free uint64
}

func (d *disk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: d.free}, nil
}

func (d *disk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.Create(name, c)
	return &diskFile{f, d}, err
}

type diskFile struct {
	vfs.File
	disk *disk
}

func (f *diskFile) Write(p []byte) (int, error) {
	if uint64(len(p)) > f.disk.free {
		return 0, syscall.ENOSPC
	}
	f.disk.free -= uint64(len(p))
	return f.File.Write(p)
}

// endless is a file of one header and rows without end.
func endless() io.Reader {
	return io.MultiReader(strings.NewReader("address\n"), rows{})
}

type rows struct{}

func (rows) Read(p []byte) (int, error) {
	const row = "ann@example.org\n"
	for i := range p {
		p[i] = row[i%len(row)]
	}
	return len(p), nil
}

func openRoom(t *testing.T, n *node, o Options) *Runner {
	t.Helper()
	o.List, o.Records, o.Secret = n, n, secret
	r, err := Open("imports", o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func checkNoRoom(t *testing.T, r *Runner, file io.Reader) {
	t.Helper()
	if id, err := r.Start("acme", Defaults{Format: SendGridUnsubscribes}, file); !errors.Is(err, ErrNoRoom) {
		t.Fatalf("%q, %v", id, err)
	}
	if names, _ := r.o.FS.List("imports"); len(names) != 0 {
		t.Errorf("left behind: %v", names)
	}
	if n := r.waiting.of("acme"); n != 0 {
		t.Errorf("%d bytes wait", n)
	}
}

func TestStart_LeavesTheDiskItsFreeBytes(t *testing.T) {
	n := newNode()
	d := &disk{FS: n.fs, free: 20 << 20}
	r := openRoom(t, n, Options{FS: d, MinFree: 10 << 20})
	checkNoRoom(t, r, endless())
	if d.free < 10<<20-roomStep {
		t.Errorf("%d bytes left free", d.free)
	}
	d.free = 10<<20 - 1
	checkNoRoom(t, r, strings.NewReader("email\nann@example.org\n"))
	d.free = 10 << 20
	if _, err := r.Start("acme", Defaults{Format: SendGridUnsubscribes}, strings.NewReader("email\nann@example.org\n")); err != nil {
		t.Error(err)
	}
}

func TestStart_AFullDiskIsNoRoom(t *testing.T) {
	n := newNode()
	checkNoRoom(t, openRoom(t, n, Options{FS: &disk{FS: n.fs, free: 1 << 20}}), endless())
}

// The bytes that wait are a tenant's own, outlive the process, and are free again when the import is done.
func TestStart_BoundsWhatWaits(t *testing.T) {
	const file = "email\nann@example.org\n"
	n := newNode()
	o := Options{FS: n.fs, MaxWaiting: int64(len(file)) + 1}
	r := openRoom(t, n, o)
	start := func(tenant string, want error) {
		t.Helper()
		if _, err := r.Start(tenant, Defaults{Format: SendGridUnsubscribes}, strings.NewReader(file)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", tenant, err, want)
		}
	}
	start("acme", nil)
	start("acme", nil)
	start("acme", ErrNoRoom)
	r = openRoom(t, n, o)
	start("acme", ErrNoRoom)
	start("other", nil)
	finish(t, r)
	start("acme", nil)
	if names, _ := n.fs.List("imports"); len(names) != 1 {
		t.Errorf("%v", names)
	}
}

func TestStart_RefusesAnUnknownFormatBeforeTheUpload(t *testing.T) {
	r := openRoom(t, newNode(), Options{FS: vfs.NewMem()})
	for _, f := range []Format{"", "fax"} {
		if _, err := r.Start("acme", Defaults{Format: f}, endless()); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %v", f, err)
		}
	}
}
