package queue

import (
	"context"
	"encoding/binary"
	"sync/atomic"
	"testing"
	"time"
)

// bulk is a batch as a call of 1,000 recipients leaves it: one segment of 60 KB, 1 % decided at acceptance, an idempotency answer.
func bulk(n uint64) Batch {
	const recipients = 1000
	initial := make([]State, recipients)
	for i := range initial {
		initial[i] = Queued
		if i%100 == 7 {
			initial[i] = Suppressed
		}
	}
	payload := make([]byte, 60_000)
	for i := 0; i+8 <= len(payload); i += 24 { // compresses about as addresses do
		binary.LittleEndian.PutUint64(payload[i:], (n+uint64(i))*0x9E3779B97F4A7C15)
	}
	b := Batch{Tenant: "acme", Head: make([]byte, 4000), Created: time.Now(),
		Segments: []Segment{{Count: recipients, Initial: initial, Lane: "email", Priority: 3, Payload: payload}}}
	binary.BigEndian.PutUint64(b.ID[:], n)
	return b
}

// One op is one recipient, on a real disk.
func BenchmarkAppend16Writers(b *testing.B) {
	q, err := Open(b.TempDir(), Options{})
	must(b, err)
	batch := bulk(0)
	var next, left atomic.Int64
	left.Store(int64(b.N))
	b.ReportAllocs()
	b.SetBytes(60)
	b.SetParallelism(8)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for left.Add(-1000) > -1000 {
			mine := batch
			binary.BigEndian.PutUint64(mine.ID[:], uint64(next.Add(1)))
			must(b, q.Append(mine))
		}
		for pb.Next() {
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "recipients/s")
	b.StopTimer()
	must(b, q.Close())
}

// One op is one recipient leased, recorded as sent and made durable, by 4 workers in leases of 100, on a real disk.
func BenchmarkLeaseAndRecord(b *testing.B) {
	q, err := Open(b.TempDir(), Options{})
	must(b, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- q.Run(ctx) }()
	for n := range uint64(b.N/990 + 5) {
		must(b, q.Append(bulk(n)))
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ReportAllocs()
	b.SetParallelism(2)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for left.Add(-100) > -100 {
			l, err := q.Lease(ctx, "email", 100)
			must(b, err)
			results := make([]Result, len(l.Items))
			for i, it := range l.Items {
				results[i] = Result{Index: it.Index, State: Sent, Code: "2.0.0", Detail: "250 2.0.0 Ok: queued as 4XyZ"}
			}
			must(b, q.Record(ctx, l, results...))
		}
		for pb.Next() {
		}
	})
	must(b, q.Flush(ctx))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "results/s")
	b.StopTimer()
	cancel()
	must(b, <-ended)
	must(b, q.Close())
}
