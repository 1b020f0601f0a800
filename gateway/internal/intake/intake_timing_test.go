package intake

import (
	"context"
	"fmt"
	"testing"

	"heed/gateway/internal/batchjson"
	"heed/gateway/internal/queue"
	"heed/suppression"
	"heed/suppression/policy"
)

// BenchmarkAccept: one op is one recipient of a call of 1,000, without the list's and the queue's own cost; one in twenty is suppressed.
func BenchmarkAccept(b *testing.B) {
	const n = 1000
	f := accepting(b)
	r, s := campaign(n), mail()
	s.Subject = "Hi {{name}}"
	b.ReportAllocs()
	for i := 0; i < b.N; i += n {
		if _, err := f.Accept(b.Context(), f.call, s, r); err != nil {
			b.Fatal(err)
		}
	}
}

// sink is a queue that keeps nothing, so that only intake's own cost is seen.
type sink struct{ *queue.Queue }

func (sink) Append(queue.Batch) error { return nil }

// every suppresses each n-th key asked for.
type every struct {
	n    int
	rows []suppression.Row
}

func (e *every) CheckBatch(_ context.Context, keys []suppression.Key, hit []bool) error {
	for i := range keys {
		hit[i] = i%e.n == 0
	}
	return nil
}

func (e *every) Rows(dst []suppression.Row, _ suppression.Key) ([]suppression.Row, error) {
	return append(dst, e.rows...), nil
}

func campaign(n int) []batchjson.Recipient {
	r := make([]batchjson.Recipient, n)
	for i := range r {
		r[i] = batchjson.Recipient{
			To: fmt.Appendf(nil, "first.last%d@example%d.org", i, i%50), Vars: fmt.Appendf(nil, `{"name":"Ann","code":"X%06d"}`, i),
			ClientRef: fmt.Appendf(nil, "%d", i),
		}
	}
	return r
}

func accepting(t testing.TB) *fixture {
	f := setup(t)
	f.Intake.o.Queue = sink{f.queue}
	f.Intake.o.List = &every{n: 20, rows: []suppression.Row{{Reason: policy.UnsubscribeAll, At: noon}}}
	return f
}
