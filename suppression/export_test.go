package suppression

import "context"

// Maintain is what Run does each time it wakes.
func (l *List) Maintain(ctx context.Context) error { return l.maintain(ctx) }
