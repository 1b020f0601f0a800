package httpapi

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	lingerFor   = 500 * time.Millisecond
	lingerBytes = 256 << 10
)

// listener counts connections per address and knows them all, which fasthttp's own per-address limit (IPv4 only, wraps the
// connection in a private type) does not allow.
type listener struct {
	net.Listener
	perIP        int // 0: no limit
	writeTimeout time.Duration
	mu           struct {
		sync.Mutex
		open  map[*conn]struct{}
		perIP map[netip.Addr]int
	}
}

func newListener(ln net.Listener, perIP int, writeTimeout time.Duration) *listener {
	l := &listener{Listener: ln, perIP: perIP, writeTimeout: writeTimeout}
	l.mu.open, l.mu.perIP = map[*conn]struct{}{}, map[netip.Addr]int{}
	return l
}

// Accept waits for a connection whose address is not over its limit; others are closed unanswered, which costs an attacker more than us.
func (l *listener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := l.admit(raw); c != nil {
			return c, nil
		}
		raw.Close()
	}
}

func (l *listener) admit(raw net.Conn) *conn {
	c := &conn{Conn: raw, home: l, ip: remoteIP(raw.RemoteAddr())}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.perIP > 0 && l.mu.perIP[c.ip] >= l.perIP {
		return nil
	}
	l.mu.perIP[c.ip]++
	l.mu.open[c] = struct{}{}
	return c
}

func (l *listener) forget(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.mu.open, c)
	if l.mu.perIP[c.ip]--; l.mu.perIP[c.ip] <= 0 {
		delete(l.mu.perIP, c.ip)
	}
}

// closeAll ends every connection, for a shutdown that ran out of time.
func (l *listener) closeAll() {
	l.mu.Lock()
	all := make([]*conn, 0, len(l.mu.open))
	for c := range l.mu.open {
		all = append(all, c)
	}
	l.mu.Unlock()
	for _, c := range all {
		c.linger.Store(false)
		c.Close()
	}
}

// conn adds to a connection what fasthttp cannot tell or do: whether the client has closed its side, a deadline on every write, and
// a close that lets an early answer reach a client that is still sending.
type conn struct {
	net.Conn
	home   *listener
	ip     netip.Addr
	ended  bool        // Read has returned io.EOF; for the goroutine that reads
	linger atomic.Bool // Close reads on for a moment
	closed atomic.Bool
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF {
		c.ended = true
	}
	return n, err
}

// Write gives each write its own deadline: fasthttp sets one for a whole response, which a long export outlives.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.home.writeTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// Close ends the connection. A connection whose client may still be sending is closed for writing first and read for a moment, or the
// kernel would answer the bytes in flight with a reset and the client would never see why it was refused (RFC 9112 §9.6).
func (c *conn) Close() error {
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

func remoteIP(a net.Addr) netip.Addr {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
