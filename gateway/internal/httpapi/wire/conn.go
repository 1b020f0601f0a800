package wire

import (
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

const (
	lingerFor   = 500 * time.Millisecond
	lingerBytes = 256 << 10
)

// Conn adds to a connection what fasthttp cannot tell or do: whether the client has closed its side, a deadline on every write, and
// a close that lets an early answer reach a client that is still sending.
type Conn struct {
	net.Conn
	home   *Listener
	ip     netip.Addr
	ended  bool        // Read has returned io.EOF; for the goroutine that reads
	linger atomic.Bool // Close reads on for a moment
	closed atomic.Bool
}

// Read notes the end of what the client sends.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF {
		c.ended = true
	}
	return n, err
}

// Write gives each write its own deadline: fasthttp sets one for a whole response, which a long export outlives.
func (c *Conn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.home.writeTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// Linger makes Close wait a moment for a client that may still be sending.
func (c *Conn) Linger() { c.linger.Store(true) }

// Close ends the connection. A connection whose client may still be sending is closed for writing first and read for a moment, or the
// kernel would answer the bytes in flight with a reset and the client would never see why it was refused (RFC 9112 §9.6).
func (c *Conn) Close() error {
	if !c.closed.CompareAndSwap(false, true) {
		return net.ErrClosed
	}
	defer c.home.forget(c)
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && c.linger.Load() && half.CloseWrite() == nil {
		c.Conn.SetReadDeadline(time.Now().Add(lingerFor))
		io.CopyN(io.Discard, c.Conn, lingerBytes)
	}
	return c.Conn.Close()
}
