package smtprelay

import (
	"context"
	"sync"
	"time"
)

// pool bounds the connections in use and keeps those at rest, the last used on top.
// Invariant: a connection is dialled only by the holder of a slot that found none at rest, so that in use and at rest together never
// exceed the slots.
type pool struct {
	slots   chan struct{}
	rest    time.Duration  // how long a connection may be idle
	closers sync.WaitGroup // QUITs under way

	mu struct {
		sync.Mutex
		idle   []*conn
		closed bool
	}
}

func newPool(size int, rest time.Duration) *pool {
	return &pool{slots: make(chan struct{}, size), rest: rest}
}

// acquire waits for a slot; its error is ctx's.
func (p *pool) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *pool) release() { <-p.slots }

// take returns the connection that rested the shortest, or nil.
func (p *pool) take() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.mu.idle)
	if n == 0 {
		return nil
	}
	c := p.mu.idle[n-1]
	p.mu.idle = p.mu.idle[:n-1]
	c.expiry.Stop()
	return c
}

// put lays c to rest, or ends it if its time has come.
func (p *pool) put(c *conn, spent bool) {
	switch {
	case c.dead:
		c.wire.Close()
	case spent || !p.keep(c):
		c.quit()
	}
}

func (p *pool) keep(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.closed {
		return false
	}
	if c.expiry == nil {
		c.expiry = time.AfterFunc(p.rest, func() { p.expire(c) })
	} else {
		c.expiry.Reset(p.rest)
	}
	p.mu.idle = append(p.mu.idle, c)
	return true
}

// expire ends c if it is still at rest. It may have been taken and put back since the timer fired; then it ends early, which
// does no harm.
func (p *pool) expire(c *conn) {
	if p.remove(c) {
		defer p.closers.Done()
		c.quit()
	}
}

func (p *pool) remove(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.mu.idle {
		if other == c {
			p.mu.idle = append(p.mu.idle[:i], p.mu.idle[i+1:]...)
			p.closers.Add(1)
			return true
		}
	}
	return false
}

// close ends all connections at rest, side by side, and waits for it.
func (p *pool) close() {
	p.mu.Lock()
	idle := p.mu.idle
	p.mu.idle, p.mu.closed = nil, true
	p.mu.Unlock()
	for _, c := range idle {
		c.expiry.Stop()
		p.closers.Go(c.quit)
	}
	p.closers.Wait()
}

func (p *pool) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.closed
}
