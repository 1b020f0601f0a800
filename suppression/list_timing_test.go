package suppression_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"heed/suppression"
	. "heed/suppression/suppressiontest"
)

// benchKey is cheaper than Key and spread as well.
func benchKey(i int) (k suppression.Key) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(i))
	sum := sha256.Sum256(b[:])
	copy(k[:], sum[:])
	return k
}

// importInto applies n opt-outs, as many at a time as are allowed.
func importInto(b testing.TB, l *suppression.List, n int) {
	const batch = suppression.MaxChanges
	changes := make([]suppression.Change, 0, batch)
	for i := range n {
		if changes = append(changes, unsubscribe(benchKey(i))); len(changes) == batch || i == n-1 {
			must(l.Apply(context.Background(), changes...))(b)
			changes = changes[:0]
		}
	}
}

func diskList(b testing.TB, dir string, n int) *suppression.List {
	o := Options(nil)
	o.Capacity = n
	return must(suppression.Open(dir, o))(b)
}

// BenchmarkList imports, reopens and checks a list on the real disk. One op of "check" is one key, in batches of 1,000.
// Ten million rows only with HEED_BENCH_LARGE set.
func BenchmarkList(b *testing.B) {
	sizes := []int{1e5, 1e6}
	if os.Getenv("HEED_BENCH_LARGE") != "" {
		sizes = append(sizes, 1e7)
	}
	for _, n := range sizes {
		dir := b.TempDir()
		l := diskList(b, dir, n)
		start := time.Now()
		importInto(b, l, n)
		imported := time.Since(start)
		closeList(b, l)
		start = time.Now()
		l = diskList(b, dir, n)
		opened := time.Since(start)
		s := l.Stats()
		b.Run(fmt.Sprintf("keys=%.0e/check", float64(n)), func(b *testing.B) {
			benchCheck(b, l)
			b.ReportMetric(float64(s.FilterBytes)/float64(n), "RAM-B/key")
			b.ReportMetric(float64(s.DiskBytes)/float64(n), "disk-B/key")
			b.ReportMetric(float64(opened.Milliseconds()), "open-ms")
			b.ReportMetric(float64(n)/imported.Seconds(), "import-rows/s")
		})
		b.Run(fmt.Sprintf("keys=%.0e/apply", float64(n)), func(b *testing.B) { benchApply(b, l) })
		closeList(b, l)
	}
}

func benchCheck(b *testing.B, l *suppression.List) {
	const batch = 1000
	all := make([]suppression.Key, 1<<19)
	for i := range all {
		all[i] = benchKey(-i)
	}
	hit := make([]bool, batch)
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += batch {
		at := done % (len(all) - batch)
		if err := l.CheckBatch(context.Background(), all[at:at+batch], hit); err != nil {
			b.Fatal(err)
		}
	}
}

// benchApply: one op is one opt-out, synced, from 16 callers.
func benchApply(b *testing.B, l *suppression.List) {
	var next atomic.Int64
	b.SetParallelism(8)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := l.Apply(context.Background(), unsubscribe(benchKey(1<<40+int(next.Add(1))))); err != nil {
				b.Error(err)
			}
		}
	})
}
