package mailin

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"heed/gateway/internal/optout"
	"heed/gateway/internal/optout/optouttest"
	"heed/suppression"
	"heed/suppression/policy"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	known = [16]byte{1}
	gone  = [16]byte{2}
	stuck = [16]byte{3}
)

func keyOf(index uint32) suppression.Key { return suppression.Key{1, byte(index)} }

// inbox is a running server over a list in memory.
type inbox struct {
	t       *testing.T
	list    optouttest.List
	signer  *optout.Signer
	dial    func() net.Conn
	trouble chan error
	stop    context.CancelFunc
}

// open runs a server until the test ends.
func open(t *testing.T, l net.Listener, dial func() net.Conn, change func(*Options)) *inbox {
	t.Helper()
	signer, err := optout.NewSigner(bytes.Repeat([]byte("s"), 32))
	if err != nil {
		t.Fatal(err)
	}
	in := &inbox{t: t, signer: signer, dial: dial, trouble: make(chan error, 100)}
	o := Options{
		Listener: l, Hostname: "mx.example", Domain: "out.example", Signer: signer,
		Desk: optout.NewDesk(optout.Options{List: &in.list, Signer: signer}),
		Resolve: func(_ context.Context, batch [16]byte, index uint32) (optout.Token, error) {
			switch batch {
			case known:
				return optout.Token{Channel: policy.Email, Key: keyOf(index), Topic: "weekly", Class: policy.Marketing}, nil
			case gone:
				return optout.Token{}, optout.ErrUnknown
			}
			return optout.Token{}, errors.New("store is busy")
		},
		Now:     func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) },
		Trouble: func(err error) { in.trouble <- err },
	}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	in.stop = cancel
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return in
}

func listen(t *testing.T, change func(*Options)) *inbox {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return open(t, l, func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}, change)
}

func (in *inbox) mailbox(batch [16]byte, index uint32) string {
	return string(in.signer.AppendMailbox(nil, batch, index)) + "@out.example"
}

// left tells whether the opt-out of the known batch's recipient is on the list.
func (in *inbox) left(index uint32) bool {
	in.t.Helper()
	rows, err := in.list.Rows(nil, keyOf(index))
	if err != nil {
		in.t.Fatal(err)
	}
	for _, row := range rows {
		if row.Reason != policy.UnsubscribeTopic || row.Topic != "weekly" || row.Source != suppression.ByMail {
			in.t.Fatalf("another row: %+v", row)
		}
	}
	return len(rows) == 1
}

// client speaks SMTP by hand, so that it may speak it badly.
type client struct {
	t *testing.T
	*textproto.Conn
	raw net.Conn
}

func (in *inbox) client() *client {
	in.t.Helper()
	raw := in.dial()
	c := &client{in.t, textproto.NewConn(raw), raw}
	in.t.Cleanup(func() { raw.Close() })
	c.expect("220 ")
	c.say("EHLO client.example", "250 ")
	return c
}

// expect reads one reply, whose last line begins with want.
func (c *client) expect(want string) {
	c.t.Helper()
	line := ""
	for more := true; more; more = len(line) > 3 && line[3] == '-' {
		var err error
		if line, err = c.ReadLine(); err != nil {
			c.t.Fatalf("%v, want %q", err, want)
		}
	}
	if !strings.HasPrefix(line, want) {
		c.t.Fatalf("%q, want %q", line, want)
	}
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.raw, text); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) say(line, want string) {
	c.t.Helper()
	c.send(line + "\r\n")
	c.expect(want)
}

// begin goes up to where the message's text is wanted.
func (c *client) begin(to string) {
	c.t.Helper()
	c.say("MAIL FROM:<someone@else.example>", "250 ")
	c.say("RCPT TO:<"+to+">", "250 ")
	c.say("DATA", "354 ")
}

func TestMailto_OptsOutByItsRecipientAlone(t *testing.T) { // RFC 2369 §3.2
	in := listen(t, nil)
	check := func(index uint32, from, to, text string) {
		t.Helper()
		c := in.client()
		c.say("MAIL FROM:<"+from+">", "250 ")
		c.say("RCPT TO:<"+to+">", "250 ")
		c.say("DATA", "354 ")
		c.send(text)
		c.expect("250 2.0.0 Done")
		if !in.left(index) {
			t.Errorf("%s: answered before the row was there", to)
		}
	}
	check(1, "ann@example.org", in.mailbox(known, 1), "Subject: unsubscribe\r\n\r\n.\r\n")
	check(2, "", in.mailbox(known, 2), ".\r\n")
	check(3, "x@y.example", strings.ToUpper(in.mailbox(known, 3)), "To: "+in.mailbox(known, 9)+"\r\n\r\nplease keep me\r\n.\r\n")
	check(4, "x@y.example", in.mailbox(known, 4)+".", strings.Repeat("x", 10_000)+"\r\n.\r\n")
	check(4, "x@y.example", in.mailbox(known, 4), "again\r\n.\r\n")
	if in.left(9) {
		t.Error("a header acted")
	}
}

func TestMailto_SeveralOnOneConnection(t *testing.T) { // RFC 5321 §4.1.4
	in := listen(t, nil)
	c := in.client()
	for index := range uint32(3) {
		c.begin(in.mailbox(known, index))
		c.say("hi\r\n.", "250 ")
	}
	c.begin(in.mailbox(known, 3))
	c.say(".", "250 ")
	c.say("QUIT", "221 ")
	if !in.left(0) || !in.left(1) || !in.left(2) || !in.left(3) {
		t.Error("one is missing")
	}
}

func TestRcpt_RefusesWhatIsNotOurs(t *testing.T) { // RFC 3463 §3.2, §3.8
	in := listen(t, nil)
	other, err := optout.NewSigner(bytes.Repeat([]byte("x"), 32))
	if err != nil {
		t.Fatal(err)
	}
	good := in.mailbox(known, 1)
	c := in.client()
	c.say("MAIL FROM:<a@b.example>", "250 ")
	check := func(to, want string) {
		t.Helper()
		c.say("RCPT TO:<"+to+">", want)
	}
	check(string(other.AppendMailbox(nil, known, 1))+"@out.example", "550 5.1.1 ")
	check("u+"+strings.Repeat("a", 60)+"@out.example", "550 5.1.1 ")
	check("postmaster@out.example", "550 5.1.1 ")
	check("u+@out.example", "550 5.1.1 ")
	check(good[1:], "550 5.1.1 ")
	check(strings.Replace(good, "out.example", "example", 1), "550 5.7.1 ")
	check(strings.Replace(good, "out.example", "evil.out.example", 1), "550 5.7.1 ")
	check(strings.Replace(good, "@", "%out.example@elsewhere.", 1), "550 5.7.1 ")
	check(in.mailbox(gone, 1), "550 5.1.1 ")
	c.say("DATA", "502 ")
	if applies, reads := in.list.Calls(); applies+reads != 0 {
		t.Errorf("%d writes, %d reads", applies, reads)
	}
}

func TestTrouble_IsTemporary(t *testing.T) { // P1, P5; RFC 3463 §3.4
	in := listen(t, nil)
	c := in.client()
	c.say("MAIL FROM:<a@b.example>", "250 ")
	c.say("RCPT TO:<"+in.mailbox(stuck, 1)+">", "451 4.3.0 ")
	full := errors.New("disk full")
	in.list.Fail(full)
	c.begin(in.mailbox(known, 1))
	c.say(".", "451 4.3.0 ")
	<-in.trouble
	if err := <-in.trouble; !errors.Is(err, full) {
		t.Error(err)
	}
	in.list.Fail(nil)
	if in.left(1) {
		t.Error("refused and recorded")
	}
}

func TestTransaction_TakesOneRecipient(t *testing.T) { // RFC 5321 §4.5.3.1.10
	in := listen(t, nil)
	c := in.client()
	c.say("MAIL FROM:<a@b.example>", "250 ")
	c.say("RCPT TO:<"+in.mailbox(known, 1)+">", "250 ")
	c.say("RCPT TO:<"+in.mailbox(known, 2)+">", "452 4.5.3 ")
	c.say("DATA", "354 ")
	c.say(".", "250 ")
	c.begin(in.mailbox(known, 2))
	c.say(".", "250 ")
	if !in.left(1) || !in.left(2) {
		t.Error("one is missing")
	}
}

func TestData_EndsWithCRLFDotCRLFOnly(t *testing.T) { // RFC 5321 §4.1.1.4; CVE-2023-51764
	for _, ending := range []string{"\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r\n.\r", "\r.\r\n", "\x00\r\n.\x00\r\n"} {
		in := listen(t, nil)
		c := in.client()
		c.begin(in.mailbox(known, 1))
		c.send("body" + ending)
		c.send("MAIL FROM:<x@y.example>\r\nRCPT TO:<" + in.mailbox(known, 2) + ">\r\nDATA\r\nsmuggled")
		c.say("\r\n.", "250 ")
		c.say("NOOP", "250 ") // and no reply to a smuggled command before it
		if !in.left(1) || in.left(2) {
			t.Errorf("%q: first %v, smuggled %v", ending, in.left(1), in.left(2))
		}
	}
}

func TestMessage_ThatBreaksOffDoesNothing(t *testing.T) {
	for _, start := range []string{"DATA\r\nhalf a mess", "BDAT 100\r\nhalf", "BDAT 4\r\nhalfRSET\r\n", "BDAT 0\r\nRSET\r\n", "RSET\r\nDATA\r\n.\r\n"} {
		in := listen(t, nil)
		c := in.client()
		c.say("MAIL FROM:<a@b.example>", "250 ")
		c.say("RCPT TO:<"+in.mailbox(known, 1)+">", "250 ")
		c.send(start)
		c.send("QUIT\r\n")
		c.raw.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c.raw) // until the server is through with us
		if in.left(1) {
			t.Errorf("%q acted", start)
		}
	}
}

func TestChunks_ActAtTheLastOne(t *testing.T) { // RFC 3030 §2
	in := listen(t, nil)
	c := in.client()
	c.say("MAIL FROM:<a@b.example>", "250 ")
	c.say("RCPT TO:<"+in.mailbox(known, 1)+">", "250 ")
	c.send("BDAT 6\r\nhello.")
	c.expect("250 ")
	if in.left(1) {
		t.Fatal("acted early")
	}
	c.say("BDAT 0 LAST", "250 2.0.0 Done")
	if !in.left(1) {
		t.Error("answered before the row was there")
	}
}

func TestMessage_TooLargeIsRefused(t *testing.T) { // RFC 1870 §6.3
	in := listen(t, func(o *Options) { o.MaxBytes = 1000 })
	c := in.client()
	c.say("MAIL FROM:<a@b.example> SIZE=1001", "552 ")
	c.begin(in.mailbox(known, 1))
	c.say(strings.Repeat("x\r\n", 400)+".", "552 5.3.4 ")
	c.say("NOOP", "250 ")
	if in.left(1) {
		t.Error("refused and recorded")
	}
}

func TestConnection_IsCutAtItsBytes(t *testing.T) {
	in := listen(t, func(o *Options) { o.MaxBytes = 1000 })
	c := in.client()
	c.begin(in.mailbox(known, 1))
	go io.Copy(c.raw, endless{}) // ends when the server closes
	if _, err := io.Copy(io.Discard, c.raw); err == nil && in.left(1) {
		t.Error("an endless message acted")
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return copy(b, "line of an endless message\r\n"), nil }

func TestConnections_BeyondTheLimitAreToldToComeBack(t *testing.T) { // RFC 5321 §3.8
	in := listen(t, func(o *Options) { o.MaxConnections = 2 })
	first, second := in.client(), in.client()
	third := in.dial()
	defer third.Close()
	if line, err := textproto.NewConn(third).ReadLine(); err != nil || !strings.HasPrefix(line, "421 ") {
		t.Errorf("%q %v", line, err)
	}
	first.say("QUIT", "221 ")
	io.Copy(io.Discard, first.raw) // its place is free once it is closed
	in.client().say("NOOP", "250 ")
	second.say("NOOP", "250 ")
}

func TestNew_NamesWhatIsMissing(t *testing.T) {
	if _, err := New(Options{}); err == nil || !strings.Contains(err.Error(), "Resolve") {
		t.Error(err)
	}
}

func TestRun_SaysWhyItCannotAccept(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := optout.NewSigner(bytes.Repeat([]byte("s"), 32))
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Listener: l, Domain: "d", Signer: signer, Desk: &optout.Desk{}, Now: time.Now,
		Resolve: func(context.Context, [16]byte, uint32) (optout.Token, error) { panic("not asked") }})
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := s.Run(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

// withTLS gives a server a certificate of the standard library's own tests.
func withTLS(t *testing.T) func(*Options) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	t.Cleanup(s.Close)
	return func(o *Options) { o.TLS = &tls.Config{Certificates: s.TLS.Certificates} }
}

func TestStartTLS_ForgetsWhatCameInClear(t *testing.T) { // RFC 3207 §4.2; CVE-2011-0411
	in := listen(t, withTLS(t))
	c := in.client()
	c.say("MAIL FROM:<a@b.example>", "250 ")
	c.say("RCPT TO:<"+in.mailbox(known, 2)+">", "250 ")
	c.send("STARTTLS\r\nDATA\r\n.\r\n")
	c.expect("220 ")
	secure := tls.Client(c.raw, &tls.Config{InsecureSkipVerify: true})
	c = &client{t, textproto.NewConn(secure), secure}
	c.say("DATA", "502 ")
	c.say("EHLO client.example", "250 ")
	c.begin(in.mailbox(known, 1))
	c.say(".", "250 2.0.0 Done")
	if !in.left(1) || in.left(2) {
		t.Errorf("in TLS: %v; in clear: %v", in.left(1), in.left(2))
	}
}

// pipes is a listener in memory, so that time can be faked.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	select {
	case <-p.done:
	default:
		close(p.done)
	}
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial() net.Conn {
	server, client := net.Pipe()
	p.conns <- server
	return client
}

func TestTime_SlowClientsAreCut(t *testing.T) { // RFC 5321 §4.5.3.2.7
	check := func(name string, want, every time.Duration, text string, dialogue func(in *inbox, c *client)) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			p := newPipes()
			in := open(t, p, p.dial, nil)
			c := in.client()
			dialogue(in, c)
			start := time.Now()
			dripped := make(chan struct{})
			go func() {
				defer close(dripped)
				for err := error(nil); err == nil; _, err = io.WriteString(c.raw, text) {
					time.Sleep(every)
				}
			}()
			io.Copy(io.Discard, c.raw)
			if took := time.Since(start); took != want || in.left(1) {
				t.Errorf("%s: cut after %v, want %v; acted: %v", name, took, want, in.left(1))
			}
			<-dripped
		})
	}
	inMessage := func(in *inbox, c *client) { c.begin(in.mailbox(known, 1)) }
	check("silent", defaultTimeout, time.Hour, "", func(*inbox, *client) {})
	check("silent in a message", defaultTimeout, time.Hour, "", inMessage)
	check("drip in a message", defaultTimeout, 7*time.Second, "x", inMessage)
	check("commands for ever", defaultLife, 7*time.Second, "NOOP\r\n", func(*inbox, *client) {})
}

// The rest of a body that came too late is never taken for commands.
func TestTime_LateBodyIsNotADialogue(t *testing.T) { // go-smtp issue 196
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		in := open(t, p, p.dial, nil)
		c := in.client()
		c.begin(in.mailbox(known, 1))
		time.Sleep(defaultTimeout + time.Second)
		go io.WriteString(c.raw, "\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<"+in.mailbox(known, 2)+">\r\nDATA\r\n.\r\n")
		io.Copy(io.Discard, c.raw)
		if in.left(1) || in.left(2) {
			t.Error("acted")
		}
	})
}

// A stop sends idle clients away at once, and a message that is still arriving is not answered with success.
func TestRun_EndsWithItsContext(t *testing.T) { // README, P1
	in := listen(t, nil)
	idle, busy := in.client(), in.client()
	busy.begin(in.mailbox(known, 1))
	in.stop()
	idle.expect("421 ")
	busy.expect("451 ")
	for _, c := range []*client{idle, busy} {
		if n, err := io.Copy(io.Discard, c.raw); n != 0 || err != nil {
			t.Errorf("%d more bytes, %v", n, err)
		}
	}
	if in.left(1) {
		t.Error("half a message acted")
	}
}

// Nothing but a mailbox we signed, at our domain, is taken.
func FuzzRcpt(f *testing.F) {
	signer, err := optout.NewSigner(bytes.Repeat([]byte("s"), 32))
	if err != nil {
		f.Fatal(err)
	}
	good := string(signer.AppendMailbox(nil, known, 1)) + "@out.example"
	for _, to := range []string{good, good + ".", strings.ToUpper(good), good[2:], "@", "a@b@out.example", "\"u+\"@out.example", "u+\u212a@out.example"} {
		f.Add(to)
	}
	f.Fuzz(func(t *testing.T, to string) {
		s := &session{o: Options{Domain: "out.example", Signer: signer, Resolve: func(context.Context, [16]byte, uint32) (optout.Token, error) {
			return optout.Token{}, nil
		}}}
		// The last character before "@" has two spare bits.
		same := len(to) >= 61 && strings.EqualFold(to[:61], good[:61])
		if err := s.Rcpt(to, nil); err == nil && !same {
			t.Errorf("%q was taken", to)
		}
	})
}
