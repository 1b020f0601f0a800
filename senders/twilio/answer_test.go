package twilio

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"heed/senders"
)

func TestRetryAfter(t *testing.T) { // RFC 9110 §10.2.3
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	check := func(value string, want time.Duration) {
		t.Helper()
		if got := retryAfter(value, now); got != want {
			t.Errorf("retryAfter(%q) = %v, want %v", value, got, want)
		}
	}
	check("", 0)
	check("120", 2*time.Minute)
	check("0", 0)
	check("-5", 0)
	check("1.5", 0)
	check("99999999999999999999", 0)
	check("2000000000", 24*time.Hour)
	check("Sat, 21 Nov 2026 12:00:30 GMT", 30*time.Second)
	check("Sat, 21 Nov 2026 11:00:00 GMT", 0)
}

// FuzzRefusal: whatever the answer, the error has a class and a printable detail without the number.
func FuzzRefusal(f *testing.F) {
	f.Add(400, "", []byte(`{"code":21610,"message":"Attempt to send to unsubscribed recipient +1 415-555-2671","status":400}`))
	f.Add(429, "7", []byte(`{"code":20429}`))
	f.Add(502, "", []byte("<html>\x00"))
	f.Add(503, "Sat, 21 Nov 2026 12:00:30 GMT", []byte(`{"code":"x"}`))
	f.Fuzz(func(t *testing.T, status int, after string, body []byte) {
		e := newRefusal(status, http.Header{"Retry-After": {after}}, body, time.Unix(1e9, 0)).classify("+14155552671")
		if e.Class < senders.Temporary || e.Class > senders.Unavailable || e.Code == "" {
			t.Fatalf("%#v", e)
		}
		if status >= 500 && e.Class != senders.Unknown {
			t.Fatalf("status %d is %v", status, e.Class)
		}
		if e.RetryAfter < 0 || e.RetryAfter > maxPause || e.RetryAfter > 0 && e.Class != senders.Throttled {
			t.Fatalf("pause %v of %v", e.RetryAfter, e.Class)
		}
		if len(e.Detail) > 200 || strings.Contains(e.Error(), "4155552671") || strings.ContainsAny(e.Detail, "\r\n\x00") {
			t.Fatalf("detail %q", e.Detail)
		}
	})
}

// Invariant of gate: each Begin has had its end before the next, and none is asked after close.
func TestGate_EndsBeforeItBeginsAgain(t *testing.T) {
	begun, ended := 0, 0
	g := newGate(func() (senders.Handoff, error) {
		if begun != ended {
			t.Error("Begin while another is open")
		}
		begun++
		return counter{&ended}, nil
	})
	first, second := pipeLink(t), pipeLink(t)
	write := func(l *link) error { _, err := l.Write([]byte("x")); return err }
	for _, l := range []*link{first, second} {
		g.guard(l)
		if err := errors.Join(write(l), write(l)); err != nil {
			t.Fatal(err)
		}
	}
	if begun != 2 || ended != 1 {
		t.Errorf("begun %d, ended %d", begun, ended)
	}
	if !g.close(false) || ended != 2 {
		t.Errorf("close: ended %d", ended)
	}
	if err := write(second); !errors.Is(err, errShut) || begun != 2 {
		t.Errorf("a write after close: %v, begun %d", err, begun)
	}
}

// pipeLink is a link whose far end takes everything.
func pipeLink(t *testing.T) *link {
	near, far := net.Pipe()
	go io.Copy(io.Discard, far)
	t.Cleanup(func() { near.Close() })
	return &link{Conn: near}
}

// counter counts the ends.
type counter struct{ ended *int }

func (counter) Began() {}
func (c counter) End() { *c.ended++ }
