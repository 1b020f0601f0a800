// Package live is what memory holds of the batches and segments that are not finished: who is in hand, who waits for what, and what was
// recorded but not yet written.
//
// It promises that a recipient is in at most one hand at a time and that a final state is never left, if its Requires clauses are kept.
// It is plain: no clock, no disk, no lock. Its caller guards all of it with one mutex.
package live

import "heed/gateway/internal/queue/format"

// Batch is a batch with segments that are not finished.
type Batch struct {
	ID       format.ID
	Tenant   string
	Created  int64 // in milliseconds
	Control  format.Control
	Segments []*Segment    // the live ones, in no order
	Counts   format.Counts // of all its recipients
	Done     format.Counts // of the recipients of its finished segments
}

// Adopt adds a segment that is live.
func (b *Batch) Adopt(s *Segment) {
	s.slot = len(b.Segments)
	b.Segments = append(b.Segments, s)
}

// Finish takes out a segment of which nothing is open any more, and keeps its counts.
func (b *Batch) Finish(s *Segment) {
	b.Done.Add(s.Tally())
	last := b.Segments[len(b.Segments)-1]
	b.Segments[s.slot] = last
	last.slot = s.slot
	b.Segments = b.Segments[:len(b.Segments)-1]
}
