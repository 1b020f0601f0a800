//go:build !race

// The race detector makes sync.Pool forget at random, so allocations say nothing there.

package intake

import "testing"

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
