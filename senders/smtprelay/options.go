package smtprelay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

// TLSMode says when the dialogue is encrypted. The zero value is the strict one. Where there is TLS the certificate is verified, in
// every mode; an operator who cannot have that sets InsecureSkipVerify.
type TLSMode uint8

const (
	StartTLSRequired  TLSMode = iota // STARTTLS, or no mail (RFC 3207)
	StartTLSIfOffered                // STARTTLS where the peer has it; an attacker in the middle can strip it
	ImplicitTLS                      // TLS from the first byte (RFC 8314 §3.3)
	NoTLS                            // clear text
)

var tlsModes = [...]string{"starttls-required", "starttls-if-offered", "implicit", "none"}

// String gives the mode's name in settings.
func (m TLSMode) String() string {
	if int(m) >= len(tlsModes) {
		return fmt.Sprintf("TLSMode(%d)", uint8(m))
	}
	return tlsModes[m]
}

// ParseTLSMode is the inverse of String.
func ParseTLSMode(s string) (TLSMode, error) {
	for i, name := range tlsModes {
		if s == name {
			return TLSMode(i), nil
		}
	}
	return 0, fmt.Errorf("TLS mode %q: use one of %q", s, tlsModes)
}

// Timeouts bounds the phases of a dialogue. Zero takes the default named.
type Timeouts struct {
	Dial      time.Duration // TCP connection; 10 s
	Greeting  time.Duration // TLS handshake, and the peer's first line; 1 min
	Command   time.Duration // a command and its whole reply; 1 min
	DataWrite time.Duration // progress: each piece of the body; 1 min
	DataReply time.Duration // the reply to the final dot; 10 min (RFC 5321 §4.5.3.2.6)
}

// Options describes a relay.
type Options struct {
	Addr string // host:port
	TLS  TLSMode
	// TLSConfig may be nil. ServerName defaults to Addr's host, MinVersion to TLS 1.2. It is cloned.
	TLSConfig *tls.Config
	// Auth is "PLAIN" or "LOGIN"; "" takes the first of them that the peer offers. Without Username there is no
	// AUTH. Credentials travel over TLS or to a loopback address only.
	Auth, Username, Password string

	Hello       string        // our name in EHLO; required
	MaxConns    int           // open connections at most; 0 takes 4
	MaxPerConn  int           // messages until a connection is renewed; 0 takes 100
	IdleTimeout time.Duration // an unused connection is closed after it; 0 takes 30 s
	Timeouts    Timeouts
	// Dial, if set, replaces net.Dialer, as a guard or in tests.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// orDefault fills in what was left at zero.
func orDefault[T int | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

func (o Options) withDefaults() Options {
	orDefault(&o.MaxConns, 4)
	orDefault(&o.MaxPerConn, 100)
	orDefault(&o.IdleTimeout, 30*time.Second)
	orDefault(&o.Timeouts.Dial, 10*time.Second)
	orDefault(&o.Timeouts.Greeting, time.Minute)
	orDefault(&o.Timeouts.Command, time.Minute)
	orDefault(&o.Timeouts.DataWrite, time.Minute)
	orDefault(&o.Timeouts.DataReply, 10*time.Minute)
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	return o
}

// check reports every fault at once.
func (o Options) check() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	host, _, err := net.SplitHostPort(o.Addr)
	fault(err != nil || host == "", "Addr %q: want host:port", o.Addr)
	fault(int(o.TLS) >= len(tlsModes), "TLS: unknown mode %d", o.TLS)
	fault(!isHelloName(o.Hello), "Hello %q: want our host name, or an address in brackets", o.Hello)
	fault(o.Auth != "" && o.Auth != "PLAIN" && o.Auth != "LOGIN", "Auth %q: want PLAIN, LOGIN or nothing", o.Auth)
	fault(o.Auth != "" && o.Username == "", "Auth %s: wants a Username", o.Auth)
	fault(o.MaxConns < 1, "MaxConns %d: want 1 or more", o.MaxConns)
	fault(o.MaxPerConn < 1, "MaxPerConn %d: want 1 or more", o.MaxPerConn)
	t := o.Timeouts
	fault(min(o.IdleTimeout, t.Dial, t.Greeting, t.Command, t.DataWrite, t.DataReply) < 0, "timeouts: none may be negative")
	return errors.Join(faults...)
}

func (o Options) tlsConfig() *tls.Config {
	cfg := &tls.Config{}
	if o.TLSConfig != nil {
		cfg = o.TLSConfig.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName, _, _ = net.SplitHostPort(o.Addr)
	}
	if cfg.MinVersion == 0 {
		cfg.MinVersion = tls.VersionTLS12
	}
	return cfg
}
