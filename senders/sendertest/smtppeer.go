package sendertest

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
)

// SMTPOptions says how an SMTPPeer behaves.
type SMTPOptions struct {
	// Script changes the usual answers of a well-behaved relay. Lines are "phase: action" or, for the nth time that phase is met on a
	// connection, "phase n: action"; phases are greeting, ehlo, helo, starttls, auth, mail, rcpt, data, body (after the 354), dot, rset,
	// noop, quit. Actions, done in order, are a reply line (in Go quotes for bytes that do not print), "drip LINE" (a byte a second, for
	// synctest bubbles), "repeat N LINE", "close" and "hang". A "250" answer to mail, rcpt and so on may be any line.
	Script string
	// InMemory peers have no socket: clients reach them by Dial, and they live in synctest bubbles.
	InMemory bool
	// TLS, if set, is used from the first byte (Implicit) or after STARTTLS, which is then offered.
	TLS      *tls.Config
	Implicit bool
}

// Mail is a message an SMTPPeer has read to its final dot.
type Mail struct {
	From, To string // as they stood after MAIL FROM: and RCPT TO:, brackets and parameters included
	Body     []byte // dots unstuffed
}

// SMTPPeer is an SMTP server that follows a script. It reads lines as they come and judges none.
type SMTPPeer struct {
	Addr string
	opt  SMTPOptions
	rule script

	listener net.Listener // nil if in memory
	sessions sync.WaitGroup
	done     chan struct{} // closed by Stop
	took     chan struct{}
	stop     sync.Once
	mu       struct {
		sync.Mutex
		conns []net.Conn
		wire  bytes.Buffer
		mails []Mail
		quits int
	}
}

// NewSMTPPeer starts a peer; it ends with the test.
func NewSMTPPeer(t testing.TB, opt SMTPOptions) *SMTPPeer {
	t.Helper()
	rule, err := parseScript(opt.Script)
	if err != nil {
		t.Fatal(err)
	}
	p := &SMTPPeer{opt: opt, rule: rule, done: make(chan struct{}), took: make(chan struct{}, maxTook)}
	t.Cleanup(p.Stop)
	if opt.InMemory {
		p.Addr = "peer.example:25"
		return p
	}
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	p.Addr = p.listener.Addr().String()
	p.sessions.Go(p.accept)
	return p
}

func (p *SMTPPeer) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.serve(c)
	}
}

// Dial gives a new connection to the peer, over memory if it has no socket.
func (p *SMTPPeer) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if p.listener != nil {
		return new(net.Dialer).DialContext(ctx, "tcp", p.Addr)
	}
	client, server := net.Pipe()
	p.serve(server)
	return client, nil
}

func (p *SMTPPeer) serve(c net.Conn) {
	p.mu.Lock()
	p.mu.conns = append(p.mu.conns, c)
	p.mu.Unlock()
	p.sessions.Go(func() {
		defer c.Close()
		newSMTPSession(p, c).run()
	})
}

// Stop ends the listener and every connection and waits for them.
func (p *SMTPPeer) Stop() {
	p.stop.Do(func() {
		close(p.done)
		if p.listener != nil {
			p.listener.Close()
		}
	})
	p.Drop()
	p.sessions.Wait()
}

// Drop closes every open connection, as a restart of the peer does.
func (p *SMTPPeer) Drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.mu.conns {
		c.Close()
	}
}

// Wire returns all that clients have sent, decrypted, in the order in which it was read.
func (p *SMTPPeer) Wire() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(p.mu.wire.Bytes())
}

// Mails returns the messages read to the final dot.
func (p *SMTPPeer) Mails() []Mail {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.mu.mails)
}

// Took gives a value for each message read to its final dot, before that is answered; the first 10,000 of them.
func (p *SMTPPeer) Took() <-chan struct{} { return p.took }

func (p *SMTPPeer) take(m Mail) {
	p.mu.Lock()
	p.mu.mails = append(p.mu.mails, m)
	p.mu.Unlock()
	notify(p.took)
}

// Conns returns how many connections there were.
func (p *SMTPPeer) Conns() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.mu.conns)
}

// Quits returns how many connections said QUIT.
func (p *SMTPPeer) Quits() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.quits
}

func (p *SMTPPeer) record(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.wire.Write(b)
}

// Commands returns the first word of each line sent outside of bodies.
func (p *SMTPPeer) Commands() []string {
	var verbs []string
	inBody := false
	for line := range strings.SplitSeq(string(p.Wire()), "\r\n") {
		verb, _, _ := strings.Cut(line, " ")
		if line != "" && !inBody {
			verbs = append(verbs, strings.ToUpper(verb))
		}
		inBody = (inBody || strings.EqualFold(line, "DATA")) && line != "."
	}
	return verbs
}
