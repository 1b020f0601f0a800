package dispatch

import (
	"context"
	"sync"
	"time"
)

// pause is a lane's rest after its route or the list failed: each failure doubles it, an answer of the route ends the row.
type pause struct {
	now func() time.Time
	mu  sync.Mutex
	end time.Time
	try int
}

const (
	shortestPause = 200 * time.Millisecond
	longestPause  = 30 * time.Second // of ours
	longestWish   = 5 * time.Minute  // of a provider's: then one message asks again
)

// back begins a pause of at least the given length, longer the more failures came in a row. Workers that fail together
// count as one failure, and the longest of their wishes holds.
func (p *pause) back(least time.Duration, rand float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if now.Before(p.end) {
		p.end = later(p.end, now.Add(least))
		return
	}
	grown := min(shortestPause<<min(p.try, 10), longestPause)
	grown = time.Duration(float64(grown) * (0.5 + rand/2))
	p.end = now.Add(max(grown, least))
	p.try++
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// clear ends the row of failures, not a pause that a provider asked for.
func (p *pause) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.try = 0
}

func (p *pause) on() bool { return p.left() > 0 }

func (p *pause) left() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.end.Sub(p.now())
}

// wait returns when the pause is over, or with ctx's error.
func (p *pause) wait(ctx context.Context) error {
	for left := p.left(); left > 0; left = p.left() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(left):
		}
	}
	return ctx.Err()
}
