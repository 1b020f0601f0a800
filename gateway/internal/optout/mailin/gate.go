package mailin

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// gate is a listener that bounds what its connections may take: their number, their bytes, their life. go-smtp bounds none of these.
type gate struct {
	net.Listener
	max   int
	bytes int64
	life  time.Duration

	mu struct {
		sync.Mutex
		conns   map[*conn]struct{}
		closing bool
	}
}

func newGate(o Options) *gate {
	g := &gate{Listener: o.Listener, max: o.MaxConnections, bytes: o.MaxBytes * messagesPerConnection, life: o.Life}
	g.mu.conns = map[*conn]struct{}{}
	return g
}

// Accept turns away whoever comes when all places are taken (RFC 5321 §3.8).
func (g *gate) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if admitted := g.admit(c); admitted != nil {
			return admitted, nil
		}
		turnAway(c)
	}
}

// turnAway writes into an empty socket buffer, so it does not wait for the client.
func turnAway(c net.Conn) {
	c.SetWriteDeadline(time.Now().Add(time.Second))
	c.Write([]byte("421 4.3.2 Too many connections, try again later\r\n"))
	c.Close()
}

func (g *gate) admit(c net.Conn) *conn {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mu.closing || len(g.mu.conns) >= g.max {
		return nil
	}
	admitted := &conn{Conn: c, gate: g, left: g.bytes, until: time.Now().Add(g.life)}
	g.mu.conns[admitted] = struct{}{}
	return admitted
}

func (g *gate) leave(c *conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.mu.conns, c)
}

// shut stops accepting and ends all reading, at once and for good. Replies can still be written. Twice is once.
func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mu.closing = true
	for c := range g.mu.conns {
		c.stop()
	}
	g.Listener.Close()
}

// conn is a connection whose reading ends for good at its first failure. go-smtp would go on after a timeout inside a message
// and take the rest of the body for commands.
type conn struct {
	net.Conn
	gate    *gate
	left    int64 // bytes it may still send; used by the one goroutine that reads
	until   time.Time
	stopped atomic.Bool
}

func (c *conn) Read(b []byte) (int, error) {
	if c.stopped.Load() || c.left <= 0 {
		return 0, net.ErrClosed
	}
	n, err := c.Conn.Read(b[:min(int64(len(b)), c.left)])
	c.left -= int64(n)
	if err != nil {
		c.stopped.Store(true)
	}
	return n, err
}

// stop makes a Read that waits return, and every later one fail.
func (c *conn) stop() {
	c.stopped.Store(true)
	c.Conn.SetReadDeadline(time.Now())
}

// SetReadDeadline never reaches past the connection's life, and after stop never past now.
func (c *conn) SetReadDeadline(t time.Time) error {
	if t.After(c.until) || t.IsZero() {
		t = c.until
	}
	err := c.Conn.SetReadDeadline(t)
	if c.stopped.Load() { // read after the deadline was set: whichever of stop and this comes last, reading ends
		return c.Conn.SetReadDeadline(time.Now())
	}
	return err
}

func (c *conn) Close() error {
	c.gate.leave(c)
	return c.Conn.Close()
}
