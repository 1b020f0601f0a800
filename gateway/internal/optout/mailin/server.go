// Package mailin is the inbound mail server for the mailto: form of unsubscribing.
//
// It promises: 250 to the end of a message only after the opt-out is durable and in force (P1); the signed recipient address alone
// acts, and sender, subject and body are read past and thrown away; no mail is relayed, kept or answered, so no auto-responder can
// be drawn into a loop; only CRLF.CRLF ends a message; bounded connections, time and bytes.
//
// One transaction takes one recipient, since DATA has one reply for all (RFC 5321 §4.1.1.4); a second RCPT gets 452, and RFC 5321
// §4.5.3.1.10 has the client send it again by itself.
//
// It reads no bounces and no complaints yet. A Server runs once; its methods are safe for concurrent use.
// Sources: RFC 5321, RFC 3463, RFC 2369 §3.2.
package mailin

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"heed/gateway/internal/optout"

	"github.com/emersion/go-smtp"
)

// Options of New. Zero limits mean the defaults named.
type Options struct {
	Listener net.Listener // taken over: Run closes it
	Hostname string       // our name in greetings; default Domain
	Domain   string       // the domain of the unsubscribe mailboxes; mail for any other is refused
	TLS      *tls.Config  // offers STARTTLS; nil: no TLS

	Signer *optout.Signer
	Desk   *optout.Desk
	// Resolve gives the token of one message of a batch. optout.ErrUnknown means that nobody knows it any more; every other error
	// is taken for passing trouble.
	Resolve func(ctx context.Context, batch [16]byte, index uint32) (optout.Token, error)
	Now     func() time.Time
	// Trouble hears of what a client cannot be told, such as a list that cannot write. No address is in it. It must not block; nil: nobody hears.
	Trouble func(error)

	MaxConnections int           // at once; default 100. One more is told 421.
	MaxBytes       int64         // of a message; default 1 MiB
	Timeout        time.Duration // for a command, and for a whole message; default 5 min (RFC 5321 §4.5.3.2.7)
	Life           time.Duration // of a connection; default 15 min
}

const (
	defaultConnections = 100
	defaultBytes       = 1 << 20
	defaultTimeout     = 5 * time.Minute
	defaultLife        = 15 * time.Minute
	writeTimeout       = 30 * time.Second

	// actTimeout bounds the wait for the list; RFC 5321 §4.5.3.2.6 gives a client's patience after the final dot as 10 min.
	actTimeout = time.Minute

	// maxLine is far beyond the 1,000 octets of RFC 5321 §4.5.3.1.6: an opt-out is not refused for the layout of a body
	// that nobody reads.
	maxLine = 64 << 10

	messagesPerConnection = 32 // of MaxBytes, before a connection is cut
)

// Server is the inbound mail server.
type Server struct {
	smtp *smtp.Server
	gate *gate
}

// New fills in. It starts nothing and does not yet accept.
func New(o Options) (*Server, error) {
	if o.Listener == nil || o.Domain == "" || o.Signer == nil || o.Desk == nil || o.Resolve == nil || o.Now == nil {
		return nil, errors.New("mailin: Listener, Domain, Signer, Desk, Resolve and Now are needed")
	}
	o = withDefaults(o)
	s := &Server{gate: newGate(o)}
	s.smtp = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &session{o: o}, nil
	}))
	s.smtp.Domain = o.Hostname
	s.smtp.TLSConfig = o.TLS
	s.smtp.MaxRecipients = 1
	s.smtp.MaxMessageBytes = o.MaxBytes
	s.smtp.MaxLineLength = maxLine
	s.smtp.ReadTimeout = o.Timeout
	s.smtp.WriteTimeout = writeTimeout
	s.smtp.EnableSMTPUTF8 = true // senders' addresses may need it, and are ignored
	s.smtp.ErrorLog = reporter(o.Trouble)
	return s, nil
}

func withDefaults(o Options) Options {
	o.Hostname = cmp.Or(o.Hostname, o.Domain)
	o.MaxConnections = cmp.Or(o.MaxConnections, defaultConnections)
	o.MaxBytes = cmp.Or(o.MaxBytes, defaultBytes)
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	o.Life = cmp.Or(o.Life, defaultLife)
	if o.Trouble == nil {
		o.Trouble = func(error) {}
	}
	return o
}

// Run accepts until ctx ends, then lets messages whose body has arrived be answered, sends the others away, and returns nil once
// every connection has ended. An error means that the listener broke.
func (s *Server) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, s.gate.shut)
	defer stop()
	err := s.smtp.Serve(s.gate)
	s.gate.shut()
	s.smtp.Shutdown(context.Background()) // waits for the connections, none of which can read any more
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("accept mail: %w", err)
}

// reporter hands what go-smtp would log to Trouble.
type reporter func(error)

func (r reporter) Printf(format string, v ...any) { r(fmt.Errorf("mail in: "+format, v...)) }
func (r reporter) Println(v ...any)               { r(errors.New("mail in: " + fmt.Sprint(v...))) }
