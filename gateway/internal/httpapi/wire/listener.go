package wire

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// Listener counts connections per address and knows them all, which fasthttp's own per-address limit (IPv4 only, wraps the
// connection in a private type) does not allow.
type Listener struct {
	net.Listener
	perIP        int // 0: no limit
	writeTimeout time.Duration
	mu           struct {
		sync.Mutex
		open  map[*Conn]struct{}
		perIP map[netip.Addr]int
	}
}

// NewListener wraps ln. perIP bounds the open connections of one address, 0: no limit; writeTimeout bounds each write.
func NewListener(ln net.Listener, perIP int, writeTimeout time.Duration) *Listener {
	l := &Listener{Listener: ln, perIP: perIP, writeTimeout: writeTimeout}
	l.mu.open, l.mu.perIP = map[*Conn]struct{}{}, map[netip.Addr]int{}
	return l
}

// Accept waits for a connection whose address is not over its limit; others are closed unanswered, which costs an attacker more than us.
func (l *Listener) Accept() (net.Conn, error) {
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

func (l *Listener) admit(raw net.Conn) *Conn {
	c := &Conn{Conn: raw, home: l, ip: remoteIP(raw.RemoteAddr())}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.perIP > 0 && l.mu.perIP[c.ip] >= l.perIP {
		return nil
	}
	l.mu.perIP[c.ip]++
	l.mu.open[c] = struct{}{}
	return c
}

func (l *Listener) forget(c *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.mu.open, c)
	if l.mu.perIP[c.ip]--; l.mu.perIP[c.ip] <= 0 {
		delete(l.mu.perIP, c.ip)
	}
}

// CloseAll ends every connection, for a shutdown that ran out of time.
func (l *Listener) CloseAll() {
	l.mu.Lock()
	all := make([]*Conn, 0, len(l.mu.open))
	for c := range l.mu.open {
		all = append(all, c)
	}
	l.mu.Unlock()
	for _, c := range all {
		c.linger.Store(false)
		c.Close()
	}
}

func remoteIP(a net.Addr) netip.Addr {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
