package sendertest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"time"
)

// smtpSession is one connection to an SMTPPeer.
type smtpSession struct {
	peer *SMTPPeer
	raw  net.Conn
	conn net.Conn
	in   *bufio.Reader
	met  map[string]int // how often each phase was met
	mail Mail
}

func newSMTPSession(p *SMTPPeer, c net.Conn) *smtpSession {
	s := &smtpSession{peer: p, raw: c, met: map[string]int{}}
	if p.opt.Implicit {
		c = tls.Server(c, p.opt.TLS)
	}
	s.use(c)
	return s
}

func (s *smtpSession) use(c net.Conn) {
	s.conn = c
	s.in = bufio.NewReader(io.TeeReader(c, recorder{s.peer}))
}

type recorder struct{ peer *SMTPPeer }

func (r recorder) Write(b []byte) (int, error) {
	r.peer.record(b)
	return len(b), nil
}

func (s *smtpSession) run() {
	open := s.meet("greeting", "220 peer.example ESMTP")
	for open {
		line, err := s.in.ReadString('\n')
		if err != nil {
			return
		}
		open = s.command(strings.TrimRight(line, "\r\n"))
	}
}

// command answers one line and tells whether to go on.
func (s *smtpSession) command(line string) bool {
	verb, arg, _ := strings.Cut(line, " ")
	switch strings.ToUpper(verb) {
	case "EHLO":
		return s.meet("ehlo", s.extensions()...)
	case "HELO":
		return s.meet("helo", "250 peer.example")
	case "STARTTLS":
		return s.meet("starttls", "220 go ahead") && (!s.last("starttls", "220") || s.encrypt())
	case "AUTH":
		return s.meet("auth", "235 2.7.0 welcome")
	case "MAIL":
		s.mail = Mail{From: strings.TrimPrefix(arg, "FROM:")}
		return s.meet("mail", "250 2.1.0 ok")
	case "RCPT":
		s.mail.To = strings.TrimPrefix(arg, "TO:")
		return s.meet("rcpt", "250 2.1.5 ok")
	case "DATA":
		return s.data()
	case "RSET":
		return s.meet("rset", "250 2.0.0 ok")
	case "NOOP":
		return s.meet("noop", "250 2.0.0 ok")
	case "QUIT":
		s.peer.mu.Lock()
		s.peer.mu.quits++
		s.peer.mu.Unlock()
		s.meet("quit", "221 2.0.0 bye")
		return false
	}
	return s.say("502 5.5.1 what?")
}

func (s *smtpSession) extensions() []string {
	lines := []string{"250-peer.example", "250-SIZE 10000000", "250-ENHANCEDSTATUSCODES", "250-AUTH PLAIN LOGIN", "250-SMTPUTF8"}
	if _, encrypted := s.conn.(*tls.Conn); s.peer.opt.TLS != nil && !encrypted {
		lines = append(lines, "250-STARTTLS")
	}
	return append(lines, "250 8BITMIME")
}

func (s *smtpSession) encrypt() bool {
	if s.peer.opt.TLS == nil {
		return false
	}
	c := tls.Server(s.raw, s.peer.opt.TLS)
	s.use(c)
	return c.Handshake() == nil
}

func (s *smtpSession) data() bool {
	if !s.meet("data", "354 go ahead") {
		return false
	}
	if !s.last("data", "354") {
		return true
	}
	if !s.meet("body") || !s.readBody() {
		return false
	}
	s.peer.take(s.mail)
	return s.meet("dot", "250 2.0.0 ok: queued as PEER1")
}

// readBody reads to CRLF.CRLF and to nothing else.
func (s *smtpSession) readBody() bool {
	var body bytes.Buffer
	newLine := true
	for {
		line, err := s.in.ReadBytes('\n')
		if err != nil {
			return false
		}
		if newLine && string(line) == ".\r\n" {
			s.mail.Body = body.Bytes()
			return true
		}
		if newLine && line[0] == '.' {
			line = line[1:]
		}
		newLine = bytes.HasSuffix(line, []byte("\r\n"))
		body.Write(line)
	}
}

// meet does what the script has for the phase, else says the usual lines, and tells whether the dialogue goes on.
func (s *smtpSession) meet(phase string, usual ...string) bool {
	s.met[phase]++
	actions, scripted := s.peer.rule.at(phase, s.met[phase])
	if !scripted {
		for _, line := range usual {
			if !s.say(line) {
				return false
			}
		}
		return true
	}
	for _, a := range actions {
		if !s.do(a) {
			return false
		}
	}
	return true
}

// last tells whether the phase was answered with the code given.
func (s *smtpSession) last(phase, code string) bool {
	a, scripted := s.peer.rule.at(phase, s.met[phase])
	return !scripted || strings.HasPrefix(a[len(a)-1].line, code)
}

func (s *smtpSession) do(a action) bool {
	switch a.verb {
	case "close":
		return false
	case "hang":
		<-s.peer.done
		return false
	case "drip":
		return s.drip(a.line + "\r\n")
	}
	for range a.times {
		if !s.say(a.line) {
			return false
		}
	}
	return true
}

func (s *smtpSession) say(line string) bool {
	_, err := io.WriteString(s.conn, line+"\r\n")
	return err == nil
}

func (s *smtpSession) drip(line string) bool {
	for i := range len(line) {
		time.Sleep(time.Second)
		if _, err := io.WriteString(s.conn, line[i:i+1]); err != nil {
			return false
		}
	}
	return true
}
