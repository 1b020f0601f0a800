package smtprelay

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// conn is one dialogue with the relay. Used by one goroutine at a time.
type conn struct {
	opt    *Options
	wire   *wire
	client *smtp.Client

	phase     phase
	sent      int         // messages tried
	openMail  bool        // a refused transaction waits for RSET
	dead      bool        // of no further use
	lastReply time.Time   // when the peer was last known to be there
	expiry    *time.Timer // closes it when idle; nil before the first rest
}

// connect dials and takes the dialogue up to the point where MAIL may be said.
func connect(ctx context.Context, opt *Options) (*conn, error) {
	dialing, cancel := context.WithTimeout(ctx, opt.Timeouts.Dial)
	defer cancel()
	raw, err := opt.Dial(dialing, "tcp", opt.Addr)
	if err != nil {
		return nil, failure(phaseDial, cause(ctx, err), "")
	}
	c := &conn{opt: opt, wire: &wire{Conn: raw}}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	err = c.introduce()
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		raw.Close()
		return nil, failure(c.phase, cause(ctx, err), opt.Password)
	}
	c.lastReply = time.Now()
	return c, nil
}

// cause prefers the end of ctx, which closes the connection, to the error of the closed connection; but what the peer said stays.
func cause(ctx context.Context, err error) error {
	if _, said := err.(*smtp.SMTPError); !said && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (c *conn) enter(p phase, limit time.Duration) error {
	c.phase = p
	return c.wire.enter(limit)
}

func (c *conn) introduce() error {
	link, err := c.secure()
	if err != nil {
		return err
	}
	c.client = smtp.NewClient(&greeted{link, []byte("220 \r\n")})
	if err := c.enter(phaseHello, c.opt.Timeouts.Command); err != nil {
		return err
	}
	if err := c.client.Hello(c.opt.Hello); err != nil {
		return err
	}
	_, encrypted := link.(*tls.Conn)
	return c.login(encrypted)
}

// secure reads the greeting and encrypts the connection as the mode asks.
func (c *conn) secure() (net.Conn, error) {
	var link net.Conn = c.wire
	if c.opt.TLS == ImplicitTLS {
		var err error
		if link, err = c.handshake(); err != nil {
			return nil, err
		}
	}
	if err := c.enter(phaseGreeting, c.opt.Timeouts.Greeting); err != nil {
		return nil, err
	}
	p := newPlain(link)
	if _, err := p.ask("", 220); err != nil {
		return nil, err
	}
	if c.opt.TLS == StartTLSRequired || c.opt.TLS == StartTLSIfOffered {
		return c.startTLS(p)
	}
	return link, nil
}

// startTLS upgrades the connection (RFC 3207), or leaves it in clear where the mode allows that.
func (c *conn) startTLS(p plain) (net.Conn, error) {
	if err := c.enter(phaseHello, c.opt.Timeouts.Command); err != nil {
		return nil, err
	}
	extensions, err := p.ask("EHLO "+c.opt.Hello, 250)
	if _, refused := err.(*smtp.SMTPError); err != nil && !refused {
		return nil, err
	}
	if err := c.enter(phaseTLS, c.opt.Timeouts.Command); err != nil {
		return nil, err
	}
	if err == nil && offers(extensions, "STARTTLS") {
		_, err = p.ask("STARTTLS", 220)
		if err == nil {
			return c.handshake()
		}
	}
	if _, refused := err.(*smtp.SMTPError); err != nil && !refused {
		return nil, err
	}
	if c.opt.TLS == StartTLSIfOffered {
		return c.wire, nil
	}
	if err == nil {
		err = ownError("the peer does not offer STARTTLS")
	}
	return nil, err
}

func (c *conn) handshake() (net.Conn, error) {
	if err := c.enter(phaseTLS, c.opt.Timeouts.Greeting); err != nil {
		return nil, err
	}
	t := tls.Client(c.wire, c.opt.TLSConfig)
	return t, t.Handshake()
}

// login authenticates (RFC 4954), if a username is set. PLAIN and LOGIN show the password, so the link must hide it.
func (c *conn) login(encrypted bool) error {
	if c.opt.Username == "" {
		return nil
	}
	if err := c.enter(phaseAuth, c.opt.Timeouts.Command); err != nil {
		return err
	}
	if !encrypted && !isLoopback(c.wire.RemoteAddr()) {
		return ownError("the password is not sent in clear: use TLS")
	}
	mechanism, err := c.mechanism()
	if err != nil {
		return err
	}
	return c.client.Auth(mechanism)
}

func (c *conn) mechanism() (sasl.Client, error) {
	user, password := c.opt.Username, c.opt.Password
	switch wanted := c.opt.Auth; {
	case wanted != sasl.Login && c.client.SupportsAuth(sasl.Plain):
		return sasl.NewPlainClient("", user, password), nil
	case wanted != sasl.Plain && c.client.SupportsAuth(sasl.Login):
		return sasl.NewLoginClient(user, password), nil
	}
	return nil, ownError("the peer does not offer the AUTH mechanism wanted")
}

func isLoopback(a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	return ok && t.IP.IsLoopback()
}
