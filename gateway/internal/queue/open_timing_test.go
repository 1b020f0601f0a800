package queue

import (
	"sync"
	"sync/atomic"
	"testing"
)

// BenchmarkOpen100000LiveBatches is a start with 100,000 live batches of one recipient, on a real disk; one op is one start.
func BenchmarkOpen100000LiveBatches(b *testing.B) {
	const batches = 100_000
	dir := b.TempDir()
	q, err := Open(dir, Options{})
	must(b, err)
	appendMany(b, q, batches)
	must(b, q.Close())
	q, err = Open(dir, Options{}) // replays the log of the appends, which later starts need not do
	must(b, err)
	must(b, q.Close())
	b.ReportAllocs()
	for b.Loop() {
		q, err := Open(dir, Options{})
		must(b, err)
		if n := len(q.mu.segments); n != batches {
			b.Fatalf("%d live segments", n)
		}
		must(b, q.Close())
	}
}

// appendMany appends batches of one recipient from many writers, who share their syncs.
func appendMany(b *testing.B, q *Queue, batches int64) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range 256 {
		all.Go(func() {
			for n := next.Add(1); n <= batches; n = next.Add(1) {
				one := bulk(uint64(n))
				one.Head, one.Segments = one.Head[:200], []Segment{seg(0, 1)}
				must(b, q.Append(one))
			}
		})
	}
	all.Wait()
}
