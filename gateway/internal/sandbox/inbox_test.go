package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"go.uber.org/goleak"

	"heed/gateway/internal/sandbox"
)

// message is what is shown, as a client of the wire sees it.
type message struct {
	ID, From, To string
	BeganAt      string `json:"began_at"`
	ReceivedAt   string `json:"received_at"`
	Raw          []byte
}

type page struct {
	Count, Dropped, Next uint64
	Messages             []message
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// run serves until the test ends, and checks that nothing is left then.
func run(t testing.TB, serve func(context.Context) error) {
	ignore := goleak.IgnoreCurrent()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
		goleak.VerifyNone(t, ignore)
	})
}

func startInbox(t *testing.T, limits sandbox.Limits) (smtpAddr, base string) {
	t.Helper()
	o := sandbox.InboxOptions{SMTP: listen(t), HTTP: listen(t), Limits: limits}
	run(t, sandbox.NewInbox(o).Run)
	return o.SMTP.Addr().String(), "http://" + o.HTTP.Addr().String()
}

func deliver(t *testing.T, addr, body string, to ...string) {
	t.Helper()
	c, err := smtp.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SendMail("news@example.com", to, strings.NewReader(body)); err != nil {
		t.Fatal(err)
	}
	if err := c.Quit(); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, url string, status int, into any) []byte {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != status {
		t.Fatalf("GET %s: %s, %v: %s", url, r.Status, err, body)
	}
	if into != nil {
		if err := json.Unmarshal(body, into); err != nil {
			t.Fatalf("GET %s: %v in %s", url, err, body)
		}
	}
	return body
}

func find(t *testing.T, base, to string) []message {
	t.Helper()
	var found []message
	get(t, base+"/messages?to="+to, 200, &found)
	return found
}

func TestInbox_ShowsAMailByItsRecipient(t *testing.T) {
	addr, base := startInbox(t, sandbox.Limits{})
	const body = "Subject: hello\r\n\r\n.dot\r\nbody é\r\n"
	deliver(t, addr, body, "Ann@Example.org")
	found := find(t, base, url.QueryEscape("ann@example.ORG"))
	if len(found) != 1 {
		t.Fatalf("%d found", len(found))
	}
	m := found[0]
	if string(m.Raw) != body || m.From != "news@example.com" || m.To != "Ann@Example.org" || m.ID == "" {
		t.Errorf("%+v", m)
	}
	began, err1 := time.Parse(time.RFC3339Nano, m.BeganAt)
	received, err2 := time.Parse(time.RFC3339Nano, m.ReceivedAt)
	if err1 != nil || err2 != nil || received.Before(began) || time.Since(began) > time.Minute {
		t.Errorf("began %s, received %s", m.BeganAt, m.ReceivedAt)
	}
}

func TestInbox_FindsWhatURLsBreak(t *testing.T) {
	addr, base := startInbox(t, sandbox.Limits{})
	deliver(t, addr, "x\r\n", "ann+tag@example.org", `"john doe"@example.org`)
	for _, to := range []string{"ann%2Btag@example.org", "ann+tag@example.org", "%22john%20doe%22%40example.org", "john%20doe@example.org"} {
		if n := len(find(t, base, to)); n != 1 {
			t.Errorf("to=%s: %d found", to, n)
		}
	}
	if n := len(find(t, base, "nobody@example.org")); n != 0 {
		t.Errorf("%d found for nobody", n)
	}
	if got := string(get(t, base+"/messages?to=nobody@example.org", 200, nil)); strings.TrimSpace(got) != "[]" {
		t.Errorf("nothing reads as %s", got)
	}
}

func TestInbox_ListsEverythingInOrder(t *testing.T) {
	addr, base := startInbox(t, sandbox.Limits{})
	for i := range 5 {
		deliver(t, addr, fmt.Sprintf("%d\r\n", i), "ann@example.org")
	}
	var got []string
	for after := uint64(0); ; {
		var p page
		get(t, fmt.Sprintf("%s/messages?after=%d&limit=2", base, after), 200, &p)
		if p.Count != 5 || p.Dropped != 0 {
			t.Fatalf("%+v", p)
		}
		for _, m := range p.Messages {
			got = append(got, strings.TrimSpace(string(m.Raw)))
		}
		if len(p.Messages) == 0 {
			break
		}
		after = p.Next
	}
	if strings.Join(got, "") != "01234" {
		t.Errorf("listed %v", got)
	}
	get(t, base+"/messages?limit=0", 400, nil)
	get(t, base+"/messages?limit=10001", 400, nil)
	get(t, base+"/messages?after=x", 400, nil)
}

func TestInbox_PushesOutTheOldest(t *testing.T) {
	check := func(limits sandbox.Limits) {
		t.Helper()
		addr, base := startInbox(t, limits)
		for i := range 7 {
			deliver(t, addr, fmt.Sprintf("message %d\r\n", i), fmt.Sprintf("r%d@example.org", i%2))
		}
		var p page
		get(t, base+"/messages", 200, &p)
		if p.Count != 3 || p.Dropped != 4 || len(p.Messages) != 3 || string(p.Messages[0].Raw) != "message 4\r\n" {
			t.Errorf("%v: %+v", limits, p)
		}
		if n := len(find(t, base, "r0@example.org")); n != 2 {
			t.Errorf("%v: %d for r0", limits, n)
		}
	}
	check(sandbox.Limits{Messages: 3})
	check(sandbox.Limits{Bytes: 3 * len("message 0\r\n")})
}

func TestInbox_Forgets(t *testing.T) {
	addr, base := startInbox(t, sandbox.Limits{Messages: 2})
	for range 3 {
		deliver(t, addr, "x\r\n", "ann@example.org")
	}
	request, _ := http.NewRequest(http.MethodDelete, base+"/messages", nil)
	r, err := http.DefaultClient.Do(request)
	if err != nil || r.StatusCode != http.StatusNoContent {
		t.Fatal(r, err)
	}
	r.Body.Close()
	deliver(t, addr, "y\r\n", "ann@example.org")
	var p page
	get(t, base+"/messages", 200, &p)
	if p.Count != 1 || p.Dropped != 0 || len(find(t, base, "ann@example.org")) != 1 {
		t.Errorf("%+v", p)
	}
}

// The page shows hostile mail as text.
func TestInbox_PageIsEscaped(t *testing.T) {
	addr, base := startInbox(t, sandbox.Limits{})
	deliver(t, addr, "Subject: =?utf-8?q?caf=C3=A9?= <script>alert(1)</script>\r\n\r\n<img src=x onerror=alert(2)>\r\n\xff\r\n", "ann@example.org")
	got := get(t, base+"/", 200, nil)
	if bytes.Contains(got, []byte("<script>")) || bytes.Contains(got, []byte("<img")) || !bytes.Contains(got, []byte("café")) || !bytes.Contains(got, []byte("ann@example.org")) {
		t.Errorf("%s", got)
	}
	get(t, base+"/nowhere", 404, nil)
}

// One mail's page: decoded, with its HTML in a frame that can do nothing, and a link to the page on this machine.
func TestInbox_ShowsOneMail(t *testing.T) {
	addr, base := startInbox(t, sandbox.Limits{Messages: 2})
	deliver(t, addr, "Subject: =?utf-8?q?caf=C3=A9?=\r\nList-Unsubscribe: <http://127.0.0.1:8080/u/v1.abc>, <https://evil.example/u>\r\n"+
		"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nLeave: http://127.0.0.1=\r\n:8080/u/v1.abc\r\n"+
		"--b\r\nContent-Type: text/html\r\n\r\n\"><script>alert(1)</script>\r\n--b--\r\n", "ann@example.org")
	got := string(get(t, base+"/messages/"+find(t, base, "ann@example.org")[0].ID, 200, nil))
	for _, want := range []string{"<h1>café</h1>", `<a href="http://127.0.0.1:8080/u/v1.abc"`, ">Leave: http://127.0.0.1:8080/u/v1.abc<",
		`<iframe title="The HTML of the message" sandbox srcdoc="&#34;&gt;&lt;script&gt;`, "<details>", `name="viewport"`, " UTC</time>"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	if strings.Contains(got, `href="https://evil`) || strings.Contains(got, "<script") {
		t.Errorf("%s", got)
	}
	for _, id := range []string{"7", "x", "00", "-1", "%2e"} {
		get(t, base+"/messages/"+id, 404, nil)
	}
}

func TestInbox_PagesRunAndFetchNothing(t *testing.T) {
	addr, base := startInbox(t, sandbox.Limits{})
	deliver(t, addr, "Subject: x\r\n\r\nx\r\n", "ann@example.org")
	for _, path := range []string{"/", "/messages/0", "/messages/9"} {
		r, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		policy := r.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "script") || strings.Contains(policy, "http") {
			t.Errorf("%s: %s", path, policy)
		}
	}
	if css := get(t, base+"/sandbox.css", 200, nil); !bytes.Contains(css, []byte("color-scheme: light dark")) {
		t.Errorf("%s", css)
	}
}

func TestInbox_TakesManyAtOnce(t *testing.T) {
	addr, base := startInbox(t, sandbox.Limits{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 25 {
				deliver(t, addr, "x\r\n", fmt.Sprintf("r%d-%d@example.org", i, j))
			}
		})
	}
	wg.Wait()
	var p page
	get(t, base+"/messages?limit=1", 200, &p)
	if p.Count != 200 || len(find(t, base, "r7-24@example.org")) != 1 {
		t.Errorf("%d kept", p.Count)
	}
}

// A client at rest does not hold up the end.
func TestInbox_StopsWithClientsConnected(t *testing.T) {
	addr, _ := startInbox(t, sandbox.Limits{})
	c, err := smtp.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Hello("client.example"); err != nil {
		t.Fatal(err)
	}
}
