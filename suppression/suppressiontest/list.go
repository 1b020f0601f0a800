package suppressiontest

import (
	"bytes"
	"context"
	"sync"
	"testing"

	"heed/suppression"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Secret is a secret to derive keys from and to open lists with.
var Secret = bytes.Repeat([]byte("test"), 8)

// Options are those of a small list on fs.
func Options(fs vfs.FS) suppression.Options {
	return suppression.Options{FS: fs, Secret: Secret, Capacity: 1000, CacheBytes: 1 << 20}
}

// Open opens an empty list in memory, with Run under way; the test's end closes it.
func Open(t testing.TB) *suppression.List {
	t.Helper()
	l, err := suppression.Open("list", Options(vfs.NewMem()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := l.Run(ctx); err != nil {
			t.Errorf("suppression list: %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		if err := l.Close(); err != nil {
			t.Errorf("close suppression list: %v", err)
		}
	})
	return l
}
