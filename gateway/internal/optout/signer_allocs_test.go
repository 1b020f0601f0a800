//go:build !race

package optout

import "testing"

// The race detector has sync.Pool drop states at random, which makes them anew.
func TestSigner_AppendsWithoutAllocating(t *testing.T) {
	s := signer(t, oldSecret)
	dst, token := make([]byte, 0, maxToken), example()
	s.Append(dst, token) // fills the pool
	if n := testing.AllocsPerRun(100, func() { s.Append(dst, token) }); n >= 1 {
		t.Errorf("Append: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { s.AppendMailbox(dst, token.Batch, token.Index) }); n >= 1 {
		t.Errorf("AppendMailbox: %v allocations", n)
	}
}
