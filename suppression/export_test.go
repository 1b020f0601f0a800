package suppression

import "context"

// Maintain is what Run does each time it wakes.
func (l *List) Maintain(ctx context.Context) error { return l.maintain(ctx) }

// Handoffs is how many keys have a hand-off under way.
func (l *List) Handoffs() (n int) {
	for i := range l.gate.shards {
		s := &l.gate.shards[i]
		s.mu.Lock()
		n += len(s.mu.keys)
		s.mu.Unlock()
	}
	return n
}
