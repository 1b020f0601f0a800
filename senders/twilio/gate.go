package twilio

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http/httptrace"
	"sync"
	"sync/atomic"

	"heed/senders"
)

// gate asks Begin when net/http makes its first write of a request: by then the connection is in hand, and nothing has been
// sent. A failing Begin fails the write.
//
// net/http writes on a goroutine of its own and may come to it after Send gave up; a gate that is shut refuses that too. Lock order:
// nothing is locked under mu but what Begin and its end lock.
type gate struct {
	begin func() (senders.Handoff, error)

	mu struct {
		sync.Mutex
		asked  bool
		failed error           // Begin's
		under  senders.Handoff // what Begin gave; nil before and after
		shut   bool
		link   *link
	}
}

var errShut = errors.New("the call is over")

func newGate(begin func() (senders.Handoff, error)) *gate {
	if begin == nil {
		begin = func() (senders.Handoff, error) { return nobody{}, nil }
	}
	return &gate{begin: begin}
}

// pass lets a write through or not.
func (g *gate) pass() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.mu.shut:
		return errShut
	case !g.mu.asked:
		g.mu.asked = true
		g.mu.under, g.mu.failed = g.begin()
	}
	return g.mu.failed
}

// guard puts the gate before l. net/http comes with a second connection only if not a byte was written to the first, so what was
// begun for that one ends here.
func (g *gate) guard(l *link) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.finish()
	g.mu.asked = g.mu.failed != nil
	g.mu.link = l
	l.gate.Store(g)
}

// refused is Begin's error.
func (g *gate) refused() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.mu.failed
}

// close ends the transaction and tells whether anything may have been sent. After a call that went well the connection lives on
// without the gate; else late writes must still find it shut.
func (g *gate) close(well bool) (begun bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mu.shut = true
	g.finish()
	if well && g.mu.link != nil {
		g.mu.link.gate.CompareAndSwap(g, nil)
	}
	return g.mu.asked && g.mu.failed == nil
}

func (g *gate) finish() {
	if g.mu.under != nil {
		g.mu.under.End()
		g.mu.under = nil
	}
}

// wrote tells that bytes are out.
func (g *gate) wrote() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mu.under != nil {
		g.mu.under.Began()
	}
}

// nobody watches over messages without a Begin.
type nobody struct{}

func (nobody) Began() {}
func (nobody) End()   {}

// watch makes net/http tell the gate of its connection.
func (g *gate) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		c := info.Conn
		if t, ok := c.(*tls.Conn); ok {
			c = t.NetConn()
		}
		if l, ok := c.(*link); ok {
			g.guard(l)
			return
		}
		info.Conn.Close() // fail closed: no gate, no bytes
	}})
}

// link is a connection whose writes pass a gate while a call has it.
type link struct {
	net.Conn
	gate atomic.Pointer[gate]
}

func (l *link) Write(b []byte) (int, error) {
	g := l.gate.Load()
	if g == nil {
		return l.Conn.Write(b)
	}
	if err := g.pass(); err != nil {
		return 0, err
	}
	n, err := l.Conn.Write(b)
	if n > 0 {
		g.wrote()
	}
	return n, err
}
