package smtprelay

import (
	"errors"
	"net"
	"time"
)

// maxReply bounds what a peer may send in one phase: 10,000 lines of EHLO are an attack, not an answer.
const maxReply = 64 << 10

var errReplyTooLong = errors.New("reply of more than 64 KiB")

// wire is the connection under TLS and the SMTP client. It keeps the time: each phase ends at its own deadline however the
// peer drips its bytes, and each piece of a body has one more deadline for itself. The client's own SetDeadline calls are ignored
// because go-smtp clears the deadline between DATA and the final dot.
type wire struct {
	net.Conn
	budget  int           // bytes the peer may still send in this phase
	perPart time.Duration // in the body phase: the time of each Write
	failed  error         // the first fault
	began   func()        // called after the next bytes are written, then forgotten; may be nil
}

// enter begins a phase of at most d, unless there was a fault before: bufio takes half a line at the end of a link for a whole one.
func (w *wire) enter(d time.Duration) error {
	if w.failed != nil {
		return w.failed
	}
	w.budget, w.perPart = maxReply, 0
	return w.Conn.SetDeadline(time.Now().Add(d))
}

// enterBody begins the phase in which each Write has d.
func (w *wire) enterBody(d time.Duration) { w.perPart = d }

func (w *wire) Read(b []byte) (int, error) {
	if w.budget <= 0 {
		return 0, errReplyTooLong
	}
	n, err := w.Conn.Read(b[:min(len(b), w.budget)])
	w.budget -= n
	return n, w.note(err)
}

func (w *wire) note(err error) error {
	if w.failed == nil {
		w.failed = err
	}
	return err
}

func (w *wire) Write(b []byte) (int, error) {
	if w.perPart > 0 {
		if err := w.Conn.SetWriteDeadline(time.Now().Add(w.perPart)); err != nil {
			return 0, err
		}
	}
	n, err := w.Conn.Write(b)
	if n > 0 && w.began != nil {
		w.began()
		w.began = nil
	}
	return n, w.note(err)
}

func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// greeted is a connection whose greeting has been read already; go-smtp's client wants to read one itself.
type greeted struct {
	net.Conn
	greeting []byte
}

func (g *greeted) Read(b []byte) (int, error) {
	if len(g.greeting) == 0 {
		return g.Conn.Read(b)
	}
	n := copy(b, g.greeting)
	g.greeting = g.greeting[n:]
	return n, nil
}
