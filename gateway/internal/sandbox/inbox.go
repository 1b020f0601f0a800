package sandbox

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

const (
	maxMail       = 32 << 20
	maxRecipients = 1_000
)

// InboxOptions gives an Inbox its listeners; it closes them.
type InboxOptions struct {
	SMTP, HTTP net.Listener
	Limits     Limits
}

// Inbox takes every mail and shows it.
type Inbox struct {
	opt   InboxOptions
	store *store
}

// NewInbox makes an Inbox; Run serves it.
func NewInbox(o InboxOptions) *Inbox {
	return &Inbox{opt: o, store: newStore(o.Limits, func(p uint64) string { return strconv.FormatUint(p, 10) })}
}

// Run serves both listeners until ctx ends or one of them fails, and waits for all it started.
func (b *Inbox) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	mux := http.NewServeMux()
	b.store.routes(mux)
	gallery{b.store, "Inbox", subject, readMail, b.find}.routes(mux)
	var web error
	var wg sync.WaitGroup
	wg.Go(func() {
		defer cancel()
		web = serveHTTP(ctx, b.opt.HTTP, mux)
	})
	err := b.serveSMTP(ctx)
	cancel()
	wg.Wait()
	return errors.Join(err, web)
}

// find gives the message of an id, which is its position.
func (b *Inbox) find(id string) (Message, bool) {
	position, err := strconv.ParseUint(id, 10, 64)
	m, ok := b.store.at(position)
	return m, ok && err == nil && m.ID == id
}

func (b *Inbox) serveSMTP(ctx context.Context) error {
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{store: b.store}, nil }))
	server.Domain = "inbox.localhost"
	server.MaxMessageBytes = maxMail
	server.MaxRecipients = maxRecipients
	server.MaxLineLength = 4_000
	server.ReadTimeout = 5 * time.Minute
	server.WriteTimeout = time.Minute
	server.EnableSMTPUTF8 = true
	server.EnableDSN = true
	server.ErrorLog = log.New(io.Discard, "", 0) // a client that hangs up is no news
	tracked := &trackedListener{Listener: b.opt.SMTP}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		// Shutdown waits for the sessions, which may rest for minutes: so end their connections first.
		tracked.shut()
		server.Shutdown(context.WithoutCancel(ctx))
	})
	err := server.Serve(tracked)
	if stop() {
		server.Close()
		return err // it ended by itself
	}
	<-stopped
	return nil
}

// session is one dialogue.
type session struct {
	store *store
	from  string
	to    []string
	size  int64
	began time.Time
}

func (s *session) Mail(from string, o *smtp.MailOptions) error {
	s.began, s.from, s.size = time.Now().UTC(), from, o.Size
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	// One byte more than announced, so that the last read finds the end without growing.
	body := bytes.NewBuffer(make([]byte, 0, min(max(s.size, 0), 1<<20)+bytes.MinRead))
	if _, err := body.ReadFrom(r); err != nil {
		return err
	}
	now := time.Now().UTC()
	for _, to := range s.to {
		s.store.add(Message{From: s.from, To: to, BeganAt: s.began, ReceivedAt: now, Raw: body.Bytes()})
	}
	return nil
}

func (s *session) Reset()        { s.from, s.to, s.size = "", nil, 0 }
func (s *session) Logout() error { return nil }

// trackedListener can end every connection it accepted.
type trackedListener struct {
	net.Listener
	mu struct {
		sync.Mutex
		open map[net.Conn]struct{}
		shut bool
	}
}

func (l *trackedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.shut {
		c.Close()
	}
	if l.mu.open == nil {
		l.mu.open = map[net.Conn]struct{}{}
	}
	t := &trackedConn{c, l}
	l.mu.open[t] = struct{}{}
	return t, nil
}

func (l *trackedListener) shut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.shut = true
	for c := range l.mu.open {
		c.(*trackedConn).Conn.Close()
	}
}

type trackedConn struct {
	net.Conn
	listener *trackedListener
}

func (c *trackedConn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.mu.open, c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}
