package wire

import "time"

// The slowest client that is served: after patience is used up, bytes must come at minRate on average.
const (
	patience = 10 * time.Second
	minRate  = 1 << 10 // bytes a second
)

// pace decides how long to wait for the next bytes of a body. Waiting spends the budget and bytes earn it back, so a steady slow
// client is served however long its body is, and one that drips is cut off. Time in which we do not read costs the client nothing.
type pace struct{ budget time.Duration }

func newPace() pace { return pace{budget: patience} }

// next is the pace after a read that waited for `waited` and brought n bytes. At 0 or less the client is too slow.
func (p pace) next(waited time.Duration, n int) pace {
	earned := time.Duration(n) * time.Second / minRate
	return pace{budget: min(p.budget-waited+earned, patience)}
}
