package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"heed/gateway/internal/sandbox"
)

// skip says why a real peer is not met; HEED_E2E_STRICT=1 makes that a failure.
func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("HEED_E2E_STRICT") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// freeAddress finds a port for a peer that opens it by itself.
func freeAddress(t *testing.T) string {
	t.Helper()
	l := listen(t)
	defer l.Close()
	return l.Addr().String()
}

func awaitListening(t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("nobody listens on %s after 30 seconds", address)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func readAll(t *testing.T, res *http.Response) string {
	t.Helper()
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// inbox is a receiving side outside of the gateway's process, so that it survives the gateway.
type inbox struct{ smtp, http string }

func startInbox(t *testing.T) *inbox {
	t.Helper()
	mail, web := listen(t), listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	b := sandbox.NewInbox(sandbox.InboxOptions{SMTP: mail, HTTP: web})
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("inbox: %v", err)
		}
	})
	return &inbox{smtp: mail.Addr().String(), http: "http://" + web.Addr().String()}
}

// page is one answer of the inbox's listing.
type page struct {
	Count    int        `json:"count"`
	Dropped  int        `json:"dropped"`
	Messages []captured `json:"messages"`
	Next     uint64     `json:"next"`
}

// everything lists all that a receiving side has taken. A side that had to drop some cannot bear witness.
func everything(t *testing.T, base string) []captured {
	t.Helper()
	var all []captured
	for after := uint64(0); ; {
		var p page
		fetch(t, fmt.Sprintf("%s/messages?after=%d&limit=10000", base, after), &p)
		if p.Dropped > 0 {
			t.Fatalf("%s dropped %d messages", base, p.Dropped)
		}
		if all = append(all, p.Messages...); len(p.Messages) == 0 {
			return all
		}
		after = p.Next
	}
}

// latest is the newest mail, if there is any.
func (b *inbox) latest(t *testing.T) (captured, bool) {
	t.Helper()
	var p page
	fetch(t, b.http+"/messages?limit=1", &p)
	if p.Count == 0 {
		return captured{}, false
	}
	fetch(t, fmt.Sprintf("%s/messages?after=%d&limit=1", b.http, p.Count-1), &p)
	if len(p.Messages) == 0 {
		return captured{}, false
	}
	return p.Messages[0], true
}
