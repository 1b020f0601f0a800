package httpapi

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"heed/gateway/internal/httpapi/wire"
	"heed/gateway/internal/optout/page"
)

// clicks counts the acts of a page whose one good token is "good".
func clicks(n *atomic.Int64) func(*Options) {
	return func(o *Options) {
		o.Page = func(_ context.Context, r page.Request) page.Response {
			if !strings.HasSuffix(r.Path, "/good") {
				return page.Response{Status: 404}
			}
			if r.Method == "POST" {
				n.Add(1)
			}
			return page.Response{Status: 200}
		}
	}
}

func TestClick_ActsWhateverTheBody(t *testing.T) { // RFC 8058 §3.1
	var acts atomic.Int64
	w := start(t, clicks(&acts))
	check := func(body string, headers ...string) {
		t.Helper()
		for _, path := range []string{"/u/good", "/p/good"} {
			before := acts.Load()
			if got := w.do("POST", path, "", "application/x-www-form-urlencoded", body, headers...); got.status != 200 || acts.Load() != before+1 {
				t.Errorf("%s, %d bytes, %v: %d, %d acts", path, len(body), headers, got.status, acts.Load()-before)
			}
		}
	}
	check("")
	check("List-Unsubscribe=One-Click")
	check(strings.Repeat("x", 64<<10))
	check(strings.Repeat("x", 200<<10))
	check("List-Unsubscribe=One-Click", "Content-Encoding: br")
	check("this is no gzip", "Content-Encoding: gzip")
	check(strings.Repeat("x", 200<<10), "Content-Encoding: gzip, br")
}

func TestClick_AFarTooLongBodyClosesTheConnection(t *testing.T) {
	var acts atomic.Int64
	w := start(t, clicks(&acts))
	body := strings.Repeat("x", 100<<10)
	got := w.raw(fmt.Sprintf("POST /u/good HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	if len(got) != 1 || got[0].status != 200 || !got[0].closed || acts.Load() != 1 {
		t.Fatalf("%+v, %d acts", got, acts.Load())
	}
}

func TestClick_ABadTokenIsAnsweredBeforeItsBody(t *testing.T) {
	var acts atomic.Int64
	w := start(t, clicks(&acts))
	c := w.dial()
	io.WriteString(c, "POST /u/x HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n"+strings.Repeat("x", prefetched))
	if got := w.read(bufio.NewReader(c), "POST"); got.status != 404 || !got.closed || acts.Load() != 0 {
		t.Fatalf("%+v, %d acts", got, acts.Load())
	}
}

// Whoever fills the memory of one kind of body keeps nobody of the other kinds out (P1).
func TestMemory_OptOutsWaitForNoOtherBodies(t *testing.T) {
	var acts atomic.Int64
	w := start(t, clicks(&acts), func(o *Options) { o.BodyMemory = 1 << 20 })
	body := `{"channel":"email","address":"a@example.org","reason":"complaint"`
	long := body + strings.Repeat(" ", 20<<10) + "}"
	check := func(name string, got reply, status int) {
		t.Helper()
		if got.status != status {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	take(t, w.server.bulk)
	check("a batch", w.post("/v1/batches", oneRecipient+strings.Repeat(" ", prefetched)), 503)
	check("a long suppression", w.post("/v1/suppressions", long), 200)
	check("a long click", w.do("POST", "/u/good", "", "", strings.Repeat("x", 20<<10)), 200)

	take(t, w.server.outside)
	check("a long undo", w.do("POST", "/undo", "", "", strings.Repeat("x", 20<<10)), 503)
	check("a long suppression", w.post("/v1/suppressions", long), 200)
	check("a long click", w.do("POST", "/u/good", "", "", strings.Repeat("x", 20<<10)), 200)

	take(t, w.server.listed)
	check("a long suppression", w.post("/v1/suppressions", long), 503)
	check("a suppression", w.post("/v1/suppressions", body+"}"), 200)
	check("a click", w.do("POST", "/u/good", "", "", "List-Unsubscribe=One-Click"), 200)
	if acts.Load() != 3 {
		t.Fatalf("%d clicks acted", acts.Load())
	}
}

// take leaves nothing of a memory.
func take(t *testing.T, m *wire.Memory) {
	t.Helper()
	for m.Free() > 0 {
		b, err := m.Take(wire.Reserved, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Release)
	}
}

// A body that trickles in holds memory of its key's share only.
func TestMemory_OneKeyLeavesRoomForOthers(t *testing.T) {
	w := start(t, func(o *Options) { o.BodyMemory, o.BatchBytes = 1<<20, 256<<10 })
	long := strings.Replace(oneRecipient, "}", "}"+strings.Repeat(" ", 200<<10), 1)
	for _, key := range []string{"all", "marketing"} {
		if got := w.do("POST", "/v1/batches", key, typeJSON, long); got.status != 202 {
			t.Fatalf("%s: %d %s", key, got.status, got.body)
		}
	}
	v, ok := w.server.slots.keys.Load("heed_all")
	if !ok || v.(*slot).share.Most != 512<<10 {
		t.Fatal("the key has no share")
	}
	b, err := w.server.bulk.Take(512<<10, &v.(*slot).share)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	if got := w.do("POST", "/v1/batches", "all", typeJSON, long); got.status != 429 || got.problem(t).Code != "rate_limited" {
		t.Errorf("over its share: %d %s", got.status, got.body)
	}
	if got := w.do("POST", "/v1/batches", "marketing", typeJSON, long); got.status != 202 {
		t.Errorf("another key: %d %s", got.status, got.body)
	}
}
