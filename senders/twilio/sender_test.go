package twilio_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"heed/senders"
	"heed/senders/sendertest"
	"heed/senders/twilio"
)

// outcome is one line: "accepted SID", or the error's class and code.
func outcome(t *testing.T, result senders.Result, err error) string {
	t.Helper()
	if err == nil {
		return "accepted " + result.ProviderID
	}
	e, ok := senders.AsError(err)
	if !ok {
		t.Fatalf("%v is no *senders.Error", err)
	}
	if strings.Contains(e.Error(), "4155552671") {
		t.Errorf("%v contains the recipient's number", e)
	}
	return strings.TrimSpace(e.Class.String() + " " + e.Code)
}

// What Twilio answers, and what becomes of the text (Twilio's error dictionary).
func TestSender_Answers(t *testing.T) {
	peer := sendertest.NewHTTPPeer(t, "")
	sender := newSender(t, twilio.Options{BaseURL: peer.URL})
	check := func(script, want string) {
		t.Helper()
		peer.Script(script)
		m := text("+14155552671")
		before := len(peer.Requests())
		result, err := sender.Send(t.Context(), &m)
		if got := outcome(t, result, err); got != want {
			t.Errorf("%.60q: got %q, want %q", script, got, want)
		}
		if n := len(peer.Requests()) - before; n != 1 {
			t.Errorf("%.60q: %d requests", script, n)
		}
	}
	coded := func(status, code string) string {
		return status + "\n\n{\"code\":" + code + ",\"message\":\"about +14155552671\",\"status\":400}"
	}
	check(created, "accepted SM0123456789abcdef0123456789abcdef")
	check(strings.Replace(created, "201 Created", "200 OK", 1), "accepted SM0123456789abcdef0123456789abcdef")
	check("201 Created\n\n{}", "unknown")
	check("200 OK\n\n{\"sid\":\"\"}", "unknown")
	check("200 OK\n\n{\"sid\":\"see <script>\"}", "unknown")
	check("200 OK\n\n{\"sid\":17}", "unknown")
	check("200 OK\n\n<html>welcome", "unknown")
	check("204 No Content", "unknown")
	check("endless", "unknown")
	check("close", "unknown")

	check(coded("400 Bad Request", "21610"), "permanent 21610")
	check(coded("400 Bad Request", "21211"), "permanent 21211")
	check(coded("400 Bad Request", "21614"), "permanent 21614")
	check(coded("400 Bad Request", "21212"), "permanent 21212")
	check(coded("400 Bad Request", "21611"), "throttled 21611")
	check(coded("400 Bad Request", "99999"), "permanent 99999")
	check(coded("403 Forbidden", "21408"), "permanent 21408")
	check(coded("401 Unauthorized", "20003"), "unavailable 20003")
	check(coded("404 Not Found", "20404"), "unavailable 20404")
	check(coded("429 Too Many Requests", "20429"), "throttled 20429")
	check(coded("500 Internal Server Error", "20500"), "unknown 20500")
	check(coded("503 Service Unavailable", "21610"), "unknown 21610")
	check("502 Bad Gateway\nContent-Type: text/html\n\n<html>", "unknown 502")
	check("429 Too Many Requests\n\nslow down", "throttled 429")
	check("400 Bad Request\n\n[]", "permanent 400")
	check("302 Found\nLocation: http://169.254.169.254/latest/meta-data\n\n", "unavailable 302")
	check("307 Temporary Redirect\nLocation: "+peer.URL+"/elsewhere\n\n", "unavailable 307")
}

func TestSender_RetryAfter(t *testing.T) { // RFC 9110 §10.2.3
	peer := sendertest.NewHTTPPeer(t, "429 Too Many Requests\nRetry-After: 7\n\n{}")
	sender := newSender(t, twilio.Options{BaseURL: peer.URL})
	m := text("+14155552671")
	_, err := sender.Send(t.Context(), &m)
	if e, _ := senders.AsError(err); e == nil || e.RetryAfter != 7*time.Second {
		t.Errorf("%#v", err)
	}
}

// The form as Twilio reads it (Twilio, Message resource: create).
func TestSender_Request(t *testing.T) {
	peer := sendertest.NewHTTPPeer(t, created)
	check := func(o twilio.Options, m senders.Message, user, want string) {
		t.Helper()
		o.BaseURL = peer.URL
		sender := newSender(t, o)
		if _, err := sender.Send(t.Context(), &m); err != nil {
			t.Fatal(err)
		}
		requests := peer.Requests()
		r := requests[len(requests)-1]
		if r.Method != http.MethodPost || r.URL.Path != "/2010-04-01/Accounts/"+account+"/Messages.json" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		if got, _, ok := r.BasicAuth(); !ok || got != user {
			t.Errorf("user %q, want %q", got, user)
		}
		bodies := strings.Split(string(peer.Wire()), "\n")
		form, err := url.ParseQuery(bodies[len(bodies)-1])
		if err != nil || form.Encode() != want {
			t.Errorf("form %q, want %q", form.Encode(), want)
		}
	}
	const body, to = "Body=Hello+%26+goodbye%2C+J%C3%B6rg", "&To=%2B14155552671"
	m := text("+14155552671")
	check(twilio.Options{}, m, account, body+"&From=%2B15005550006"+to)
	service := "MG00000000000000000000000000000001"
	check(twilio.Options{MessagingServiceSid: service}, m, account, body+"&MessagingServiceSid="+service+to)
	check(twilio.Options{APIKey: "SK1", APISecret: "x"}, m, "SK1", body+"&From=%2B15005550006"+to)
	check(twilio.Options{StatusCallback: "https://x.example/cb"}, m, account, body+"&From=%2B15005550006&StatusCallback=https%3A%2F%2Fx.example%2Fcb"+to)
	m.ValidFor = 90*time.Second + 500*time.Millisecond
	check(twilio.Options{}, m, account, body+"&From=%2B15005550006"+to+"&ValidityPeriod=90")
	m.ValidFor = 100 * time.Hour
	check(twilio.Options{}, m, account, body+"&From=%2B15005550006"+to+"&ValidityPeriod=36000")
	m.ValidFor, m.From = time.Millisecond, service
	check(twilio.Options{}, m, account, body+"&MessagingServiceSid="+service+to+"&ValidityPeriod=1")
}

// Bad input is refused without a request and without Begin.
func TestSender_BadMessages(t *testing.T) {
	peer := sendertest.NewHTTPPeer(t, created)
	sender := newSender(t, twilio.Options{BaseURL: peer.URL})
	check := func(from, to, body, want string) {
		t.Helper()
		result, err := sender.Send(t.Context(), &senders.Message{From: from, To: to, Body: []byte(body), Begin: sendertest.Watch(func() (func(), error) {
			t.Error("Begin was called")
			return func() {}, nil
		})})
		if got := outcome(t, result, err); got != want {
			t.Errorf("%q to %q: got %q, want %q", from, to, got, want)
		}
	}
	check("+15005550006", "ann@example.org", "x", "permanent 21211")
	check("+15005550006", "4155552671", "x", "permanent 21211")
	check("+15005550006", "+14155552671\r\nX: y", "x", "permanent 21211")
	check("", "+14155552671", "x", "permanent 21603")
	check("+15005550006", "+14155552671", "", "permanent 21602")
	check("+15005550006", "+14155552671", "\xff", "permanent 21602")
	check("+15005550006", "+14155552671", strings.Repeat("é", 1601), "permanent 21617")
	if n := len(peer.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// A Begin error leaves not one byte on the wire, headers included.
func TestBegin_ErrorSendsNoByte(t *testing.T) {
	peer := sendertest.NewHTTPPeer(t, created)
	var written atomic.Int64
	sender := newSender(t, twilio.Options{BaseURL: peer.URL, Dial: func(ctx context.Context, n, a string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, n, a)
		return counting{c, &written}, err
	}})
	stop := errors.New("opted out")
	m := text("+14155552671")
	m.Begin = sendertest.Watch(func() (func(), error) { return nil, stop })
	if _, err := sender.Send(t.Context(), &m); err != stop {
		t.Errorf("%v, want Begin's error", err)
	}
	if written.Load() != 0 {
		t.Errorf("%d bytes were written", written.Load())
	}
	m.Begin = nil
	if _, err := sender.Send(t.Context(), &m); err != nil || written.Load() == 0 {
		t.Errorf("%v, %d bytes: the count cannot be trusted", err, written.Load())
	}
}

type counting struct {
	net.Conn
	written *atomic.Int64
}

func (c counting) Write(b []byte) (int, error) {
	c.written.Add(int64(len(b)))
	return c.Conn.Write(b)
}

func TestSender_NobodyThere(t *testing.T) { // refused before sending
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	sender := newSender(t, twilio.Options{BaseURL: "http://" + l.Addr().String()})
	m := text("+14155552671")
	m.Begin = sendertest.Watch(func() (func(), error) {
		t.Error("Begin was called without a connection")
		return func() {}, nil
	})
	result, err := sender.Send(t.Context(), &m)
	if got := outcome(t, result, err); got != "unavailable" {
		t.Errorf("got %q", got)
	}
}

func TestSender_TimeoutAfterTheRequestIsUnknown(t *testing.T) {
	peer := sendertest.NewHTTPPeer(t, "hang")
	sender := newSender(t, twilio.Options{BaseURL: peer.URL, Timeout: 50 * time.Millisecond})
	m := text("+14155552671")
	result, err := sender.Send(t.Context(), &m)
	if got := outcome(t, result, err); got != "unknown" {
		t.Errorf("got %q", got)
	}
}

// The environment has no say in where a text goes.
func TestSender_IgnoresTheEnvironment(t *testing.T) {
	t.Setenv("TWILIO_EDGE", "sydney")
	t.Setenv("TWILIO_REGION", "au1")
	peer := sendertest.NewHTTPPeer(t, created)
	sender := newSender(t, twilio.Options{BaseURL: peer.URL + "/proxy/"})
	m := text("+14155552671")
	if _, err := sender.Send(t.Context(), &m); err != nil {
		t.Fatal(err)
	}
	if got := peer.Requests()[0].URL.Path; got != "/proxy/2010-04-01/Accounts/"+account+"/Messages.json" {
		t.Error(got)
	}
}

func TestNew_NamesEveryFault(t *testing.T) {
	_, err := twilio.New(twilio.Options{AccountSid: "x", APIKey: "k", BaseURL: "http://api.example.com", MessagingServiceSid: "MG1", MaxConcurrent: -1})
	for _, want := range []string{"AccountSid", "AuthToken", "APISecret", "BaseURL", "MessagingServiceSid", "MaxConcurrent"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

// Over TLS too Begin stands between the handshake and the first byte of the request, and no request follows its error.
func TestBegin_OverTLS(t *testing.T) {
	serverTLS, clientTLS := sendertest.Certificate(t)
	var requests atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"sid":"SM0123456789abcdef0123456789abcdef"}`)
	}))
	server.TLS = serverTLS
	server.StartTLS()
	t.Cleanup(server.Close)
	sender := newSender(t, twilio.Options{BaseURL: server.URL, TLSConfig: clientTLS})
	var begun, ended int32
	m := text("+14155552671")
	m.Begin = sendertest.Watch(func() (func(), error) {
		if requests.Load() != begun {
			t.Error("Begin came after the request")
		}
		begun++
		return func() { ended++ }, nil
	})
	for range 3 {
		if _, err := sender.Send(t.Context(), &m); err != nil {
			t.Fatal(err)
		}
	}
	stop := errors.New("opted out")
	m.Begin = sendertest.Watch(func() (func(), error) { return nil, stop })
	if _, err := sender.Send(t.Context(), &m); err != stop {
		t.Errorf("%v, want Begin's error", err)
	}
	if begun != 3 || ended != 3 || requests.Load() != 3 {
		t.Errorf("Begin %d times, end %d times, %d requests", begun, ended, requests.Load())
	}
}
