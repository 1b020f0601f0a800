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

// The accept path allocates nothing per recipient. What is left beside that grows by the segment and with the answer's length, not with
// the recipients: hence results=none, and two sizes of one segment each.
func TestAccept_AllocatesNothingPerRecipient(t *testing.T) {
	f := accepting(t)
	f.call.Results = "none"
	s := mail()
	s.Subject = "{{name}}"
	allocs := func(n int) float64 {
		r := campaign(n)
		return testing.AllocsPerRun(50, func() {
			if _, err := f.Accept(t.Context(), f.call, s, r); err != nil {
				t.Fatal(err)
			}
		})
	}
	large := allocs(1000)
	if small := allocs(100); large > small+1 { // a collection may empty the pool meanwhile
		t.Errorf("%v allocations for 100 recipients, %v for 1,000", small, large)
	}
}

// Results are written in place too: listing ten times as many costs not ten times the allocations.
func TestAccept_ListsResultsWithoutAllocation(t *testing.T) {
	f := accepting(t)
	f.call.Results = "all"
	allocs := func(n int) float64 {
		r := campaign(n)
		return testing.AllocsPerRun(50, func() {
			if _, err := f.Accept(t.Context(), f.call, mail(), r); err != nil {
				t.Fatal(err)
			}
		})
	}
	large := allocs(1000)
	if small := allocs(100); large > small+10 { // the body grows by doubling
		t.Errorf("%v allocations for 100 recipients, %v for 1,000", small, large)
	}
}
