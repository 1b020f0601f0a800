package store

import (
	"os"
	"strconv"
	"testing"
	"time"

	"heed/suppression/address"
)

// TestDiskBytes measures what an address takes on disk: HEED_DISK_ROWS=2000000 go test -run DiskBytes -v. It asserts the
// goal of 40 bytes, so it is a test, but it takes too long for every run.
func TestDiskBytes_AnAddressTakesAtMost40(t *testing.T) {
	rows, _ := strconv.Atoi(os.Getenv("HEED_DISK_ROWS"))
	if rows == 0 {
		t.Skip("set HEED_DISK_ROWS to the number of rows")
	}
	dir := t.TempDir()
	s, err := Open(dir, Options{CacheBytes: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	var position uint64
	load(t, s, rows, &position)
	t.Logf("loaded %d rows in %v", rows, time.Since(start))
	if err := s.ForgetJournal(position - 1); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Compact(t.Context(), []byte{0}, []byte{0xff}, true); err != nil {
		t.Fatal(err)
	}
	m := s.db.Metrics()
	var bytes int64
	for _, l := range m.Levels {
		bytes += int64(l.TablesSize)
	}
	t.Logf("tables %d bytes, %.1f a row; all of the disk %d", bytes, float64(bytes)/float64(rows), s.DiskBytes())
	if got := float64(bytes) / float64(rows); got > 40 {
		t.Errorf("%.1f bytes a row", got)
	}
	timeReads(t, s, rows)
	closeStore(t, s)
}

func load(t *testing.T, s *Store, rows int, position *uint64) {
	const batch = 10_000
	for at := 0; at < rows; at += batch {
		*position++
		rec := Record{Position: *position}
		for i := at; i < min(at+batch, rows); i++ {
			rec.Changes = append(rec.Changes, Change{key(i), Entry{Reason: 2, Added: *position, At: epoch + int64(i%86400), Class: 1, Source: 2}})
		}
		if err := s.Commit([]Record{rec}); err != nil {
			t.Fatal(err)
		}
	}
}

func timeReads(t *testing.T, s *Store, rows int) {
	const reads = 100_000
	for name, first := range map[string]int{"hits": 0, "misses": rows} {
		start := time.Now()
		for i := range reads {
			if _, err := s.Get(nil, key(first+i)); err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("%s: Get %v", name, time.Since(start)/reads)
	}
	start := time.Now()
	snap, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	n := 0
	if err := snap.Scan(address.Key{}, func(address.Key, Set) bool { n++; return true }); err != nil {
		t.Fatal(err)
	}
	t.Logf("scan of %d: %v a row", n, time.Since(start)/time.Duration(n))
}
