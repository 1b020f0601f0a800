package dispatch

import (
	"context"
	"sync/atomic"
	"testing"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/queue"
	"heed/senders"
	"heed/suppression/policy"
)

// taker is a sender that takes everything at once.
type taker struct{ taken atomic.Int64 }

func (s *taker) Send(_ context.Context, m *senders.Message) (senders.Result, error) {
	h, err := m.Begin()
	if err != nil {
		return senders.Result{}, err
	}
	h.Began()
	h.End()
	s.taken.Add(1)
	return senders.Result{ProviderID: "4XyZ"}, nil
}

func (*taker) Close() error { return nil }

// One op is one message leased, rendered (unsigned, two parts, one variable), checked, handed off and recorded, by 4 workers on a
// real queue and list in memory.
func BenchmarkDispatch(b *testing.B) {
	w := newWorld(b)
	s := &taker{}
	w.o.Lanes[0] = Lane{Name: "email", Channel: policy.Email, Sender: s, Workers: 4, Chunk: 32}
	w.o.Outcome = nil
	const recipients = 1000
	for n := range (b.N + recipients - 1) / recipients {
		w.accept(campaign(min(recipients, b.N-n*recipients), func(_ *batch.Head, b *queue.Batch) {
			b.ID = queue.ID{1, 14: byte(n >> 8), 15: byte(n)}
		}))
	}
	done := make(chan struct{})
	var left atomic.Int64
	left.Store(int64(b.N))
	w.o.Outcome = func(string, policy.Class, queue.State, string) {
		if left.Add(-1) == 0 {
			close(done)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	stop := w.run()
	<-done
	b.StopTimer()
	stop()
	if s.taken.Load() != int64(b.N) {
		b.Errorf("took %d of %d", s.taken.Load(), b.N)
	}
}
