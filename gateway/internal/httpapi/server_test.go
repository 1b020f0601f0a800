package httpapi

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"heed/gateway/internal/optout/page"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),    // one clock a process
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"), // ends at its next tick, seconds later
	)
}

func TestAuth_WhoMayDoWhat(t *testing.T) {
	w := start(t)
	check := func(key, method, path string, status int, challenge string) {
		t.Helper()
		got := w.do(method, path, key, typeJSON, "{}")
		if got.status != status || !strings.Contains(got.header.Get("WWW-Authenticate"), challenge) {
			t.Errorf("%s %s with %q: %d %v", method, path, key, got.status, got.header)
		}
	}
	check("", "POST", "/v1/batches", 401, "Bearer")
	check("wrong", "POST", "/v1/batches", 401, "invalid_token")
	check("marketing", "GET", "/v1/suppressions", 403, "insufficient_scope")
	check("marketing", "POST", "/v1/suppressions", 403, "suppress:write")
	check("marketing", "POST", "/v1/templates/x/versions/1/approve", 403, "admin")
	check("reader", "POST", "/v1/suppressions/remove", 403, "insufficient_scope")
	check("reader", "POST", "/v1/batches", 403, "insufficient_scope")
	check("broken", "POST", "/v1/batches", 503, "") // the key file cannot be read: nobody passes, and nobody is called a stranger
	for _, r := range routes {
		if r.scope == public {
			continue
		}
		path := strings.NewReplacer("{id}", "x", "{version}", "1").Replace(r.pattern)
		if got := w.do(r.method, path, "", typeJSON, "{}"); got.status != 401 {
			t.Errorf("%s without a key: %d", r.operation, got.status)
		}
	}
}

func TestAuth_TheSchemeIsReadStrictly(t *testing.T) {
	for value, want := range map[string]string{
		"Bearer abc": "abc", "bearer abc": "abc", "BEARER abc": "abc",
		"Bearer": "", "Bearer ": "", "Basic abc": "", "Bearer a b": "", "Bearer a,b": "", "abc": "", "": "",
	} {
		if got, ok := bearer(value); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", value, got, ok)
		}
	}
}

func TestTenant_SeesNothingOfAnothers(t *testing.T) {
	w := start(t)
	id := batchID.String()
	for _, path := range []string{"/v1/batches/" + id, "/v1/batches/" + id + "/recipients", "/v1/messages/msg_" + id[4:] + "-0"} {
		if got := w.get(path); got.status != 200 {
			t.Errorf("%s, its own: %d %s", path, got.status, got.body)
		}
		mine, none := w.do("GET", path, "other", "", ""), w.do("GET", strings.Replace(path, "bat_0", "bat_1", 1), "other", "", "")
		if mine.status != 404 || none.status != 404 {
			t.Errorf("%s: %d, one that never was: %d", path, mine.status, none.status)
		}
	}
	for _, act := range []string{"pause", "resume", "cancel"} {
		if got := w.do("POST", "/v1/batches/"+id+"/"+act, "other", "", ""); got.status != 404 {
			t.Errorf("%s: %d", act, got.status)
		}
	}
	if w.queue.info.Control != 0 {
		t.Fatal("another tenant controlled the batch")
	}
	w.post("/v1/suppressions", `{"channel":"email","address":"a@example.org","reason":"complaint"}`)
	got := w.do("POST", "/v1/suppressions/lookup", "other", typeJSON, `{"channel":"email","address":"a@example.org"}`)
	if got.status != 200 || strings.Contains(string(got.body), "complaint") {
		t.Fatalf("another tenant's row: %s", got.body)
	}
}

func TestRequestID_KeptIfSane(t *testing.T) {
	w := start(t)
	if got := w.do("GET", "/", "", "", "", "X-Request-Id: abc.DEF-1_2"); got.header.Get("X-Request-Id") != "abc.DEF-1_2" {
		t.Error(got.header)
	}
	for _, bad := range []string{"a b", "<script>", strings.Repeat("a", 129), "ann@example.org"} {
		got := w.do("GET", "/", "", "", "", "X-Request-Id: "+bad).header.Get("X-Request-Id")
		if !strings.HasPrefix(got, "req_") {
			t.Errorf("%.20q was kept as %.20q", bad, got)
		}
	}
}

// A panic is one caller's 500: the process, the other callers and the connection's framing live on, and the log holds no body.
func TestPanic_IsOneCallers500(t *testing.T) {
	w := start(t)
	w.intake.before = func(context.Context) { panic("ann@example.org is in the body") }
	got := w.post("/v1/batches", oneRecipient)
	if p := got.problem(t); got.status != 500 || p.Code != "internal" {
		t.Fatalf("%s", got.body)
	}
	log := w.log.String()
	if !strings.Contains(log, got.header.Get("X-Request-Id")) || !strings.Contains(log, "createBatch") || strings.Contains(log, "ann@") {
		t.Fatalf("log: %s", log)
	}
	w.intake.before = nil
	if got := w.post("/v1/batches", oneRecipient); got.status != 202 {
		t.Fatalf("the next call: %d", got.status)
	}
}

func TestTrouble_IsA503WhoseCauseIsOnlyLogged(t *testing.T) {
	w := start(t)
	w.list.err = fmt.Errorf("disk sda7 is gone")
	got := w.post("/v1/suppressions", `{"channel":"email","address":"a@example.org","reason":"complaint"}`)
	if got.status != 503 || got.header.Get("Retry-After") == "" || strings.Contains(string(got.body), "sda7") {
		t.Fatalf("%d %v %s", got.status, got.header, got.body)
	}
	if log := w.log.String(); !strings.Contains(log, "sda7") || strings.Contains(log, "a@example.org") {
		t.Fatalf("log: %s", log)
	}
}

func TestSlots_TooManyCallsOfOneKeyAre429(t *testing.T) {
	w := start(t, func(o *Options) { o.CallsPerKey = 2 })
	entered, leave := make(chan struct{}), make(chan struct{})
	w.intake.before = func(context.Context) { entered <- struct{}{}; <-leave }
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() { w.post("/v1/batches", oneRecipient) })
	}
	<-entered
	<-entered
	got := w.post("/v1/batches", oneRecipient)
	if got.status != 429 || got.header.Get("Retry-After") != "1" || got.header.Get("RateLimit") != `"key";r=0;t=1` || got.problem(t).Code != "rate_limited" {
		t.Errorf("%d %v", got.status, got.header)
	}
	if got := w.do("GET", "/v1/topics", "other", "", ""); got.status != 200 {
		t.Errorf("another key: %d", got.status)
	}
	close(leave)
	group.Wait()
	if got := w.get("/v1/topics"); got.status != 200 {
		t.Errorf("afterwards: %d", got.status)
	}
}

func TestMemory_BodiesInHandAreBounded(t *testing.T) {
	w := start(t, func(o *Options) { o.BodyMemory = 1 << 20 })
	big := `{"channel":"email","recipients":[{"to":"a@example.org"}]` + strings.Repeat(" ", 2<<20) + `}`
	got := w.post("/v1/batches", big)
	if got.status != 503 || got.problem(t).Code != "busy" {
		t.Fatalf("%d %s", got.status, got.body)
	}
	for range 10 { // what was taken came back
		if got := w.post("/v1/batches", oneRecipient); got.status != 202 {
			t.Fatalf("afterwards: %d", got.status)
		}
	}
	if free := w.server.bulk.Free(); free != 1<<20 {
		t.Fatalf("%d bytes free of %d", free, 1<<20)
	}
}

func TestConnsPerIP_AreBounded(t *testing.T) {
	w := start(t, func(o *Options) { o.ConnsPerIP = 2 })
	first := w.dial()
	io.WriteString(first, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	if got := w.read(bufio.NewReader(first), "GET"); got.status != 200 {
		t.Fatal(got.status)
	}
	second := w.dial()
	io.WriteString(second, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	if got := w.read(bufio.NewReader(second), "GET"); got.status != 200 {
		t.Fatal(got.status)
	}
	third := w.dial()
	if n, err := third.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Fatal("a third connection was served")
	}
}

func TestShutdown_FinishesWhatRuns(t *testing.T) {
	w := start(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	w.intake.before = func(context.Context) { close(entered); <-leave }
	answered := make(chan reply, 1)
	go func() { answered <- w.post("/v1/batches", oneRecipient) }()
	<-entered
	ended := make(chan error, 1)
	go func() { ended <- w.server.Shutdown(context.Background()) }()
	close(leave)
	if got := <-answered; got.status != 202 {
		t.Errorf("the running call: %d", got.status)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", w.addr); err == nil {
		t.Error("the listener is open")
	}
}

func TestShutdown_OutOfTimeEndsTheCalls(t *testing.T) {
	w := start(t)
	entered := make(chan struct{})
	w.intake.before = func(ctx context.Context) { close(entered); <-ctx.Done() }
	w.intake.err = context.Canceled
	c := w.dial()
	fmt.Fprintf(c, "POST /v1/batches HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer all\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(oneRecipient), oneRecipient)
	<-entered
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.server.Shutdown(ctx); err != context.Canceled {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(c); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Fatal(err) // the connection has ended, one way or the other
	}
}

func TestPublic_PagesGetTheRequestAndKnowNoHost(t *testing.T) {
	var got page.Request
	w := start(t, func(o *Options) {
		o.Page = func(_ context.Context, r page.Request) page.Response {
			got = r
			return page.Response{Status: 404, Header: [][2]string{{"Content-Type", "text/html"}, {"Content-Security-Policy", "default-src 'none'"}}, Body: []byte("x")}
		}
	})
	r := w.do("POST", "/u/v1.a.b.c?utm_source=x", "", "application/x-www-form-urlencoded", "List-Unsubscribe=One-Click", "Accept-Language: nb")
	if r.status != 404 || r.header.Get("Content-Security-Policy") == "" || r.header.Get("Set-Cookie") != "" {
		t.Fatalf("%+v", r)
	}
	if got.Method != "POST" || got.Path != "/u/v1.a.b.c" || string(got.Body) != "List-Unsubscribe=One-Click" || got.AcceptLanguage != "nb" {
		t.Fatalf("%+v", got)
	}
	if w.do("HEAD", "/u/x%20y", "", "", ""); got.Method != "HEAD" || got.Path != "/u/x%20y" {
		t.Fatalf("%+v", got)
	}
}

func TestIdempotency_TheRecordIsTiedToTheWholeCall(t *testing.T) {
	w := start(t)
	const key = "Idempotency-Key: k1"
	first := w.post("/v1/batches", oneRecipient, key)
	again := w.post("/v1/batches", oneRecipient, key)
	if first.status != 202 || again.status != 202 || again.header.Get("Idempotent-Replayed") != "true" || len(w.intake.addresses()) != 1 {
		t.Fatalf("%+v, %+v", first, again)
	}
	if other := w.post("/v1/batches", oneRecipient+" ", key); other.status != 422 || other.problem(t).Code != "idempotency_key_reused" {
		t.Errorf("another body: %s", other.body)
	}
	if other := w.post("/v1/batches?results=all", oneRecipient, key); other.status != 422 {
		t.Errorf("another question: %d", other.status)
	}
}

func TestIdempotency_OfStreams(t *testing.T) { // RFC 9530
	w := start(t, func(o *Options) { o.BatchBytes = 1000 })
	short := `{"channel":"email"}` + "\n" + `{"to":"a@example.org"}` + "\n"
	long := short + strings.Repeat(`{"to":"a@example.org"}`+"\n", 1000)
	send := func(body string, headers ...string) reply {
		t.Helper()
		return w.do("POST", "/v1/batches", "all", typeNDJSON, body, headers...)
	}
	if got := send(short, "Idempotency-Key: a"); got.status != 202 {
		t.Errorf("a short one: %s", got.body)
	}
	if got := send(short, "Idempotency-Key: a"); got.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("a short one again: %s", got.body)
	}
	if got := send(long, "Idempotency-Key: b"); got.status != 400 || got.problem(t).Code != "digest_required" {
		t.Errorf("a long one: %s", got.body)
	}
	if got := send(long, "Idempotency-Key: b", "Content-Digest: "+digestOf(long)); got.status != 202 {
		t.Errorf("a long one with its digest: %s", got.body)
	}
	if got := send(long, "Idempotency-Key: b", "Content-Digest: "+digestOf(long)); got.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("and again: %s", got.body)
	}
	commits := w.intake.commits
	if got := send(long, "Idempotency-Key: c", "Content-Digest: "+digestOf(short)); got.status != 400 || got.problem(t).Code != "digest_mismatch" || w.intake.commits != commits {
		t.Errorf("a long one with another's digest: %s", got.body)
	}
	if got := send(long, "Idempotency-Key: c", "Content-Digest: sha-256=nonsense"); got.status != 400 {
		t.Errorf("nonsense: %s", got.body)
	}
}

func TestControl_PauseResumeCancel(t *testing.T) {
	w := start(t)
	check := func(act, want string, status int) {
		t.Helper()
		got := w.do("POST", "/v1/batches/"+batchID.String()+"/"+act, "all", "", "")
		if got.status != status || !strings.Contains(string(got.body), want) {
			t.Errorf("%s: %d %s", act, got.status, got.body)
		}
	}
	check("pause", `"status":"paused"`, 200)
	check("pause", `"status":"paused"`, 200)
	check("resume", `"status":"running"`, 200)
	check("cancel", `"status":"cancelled"`, 200)
	check("cancel", `"status":"cancelled"`, 200)
	check("resume", "conflict", 409)
}

func TestRecipients_PagesByCursorAndState(t *testing.T) {
	w := start(t)
	base := "/v1/batches/" + batchID.String() + "/recipients"
	first := w.get(base + "?limit=2")
	if !strings.Contains(string(first.body), `"has_more":true,"next":"2"`) || !strings.Contains(string(first.body), "r0@example.org") {
		t.Errorf("%s", first.body)
	}
	if rest := w.get(base + "?limit=2&after=2"); !strings.Contains(string(rest.body), `"has_more":false`) || !strings.Contains(string(rest.body), "ref-2") {
		t.Errorf("%s", rest.body)
	}
	if sent := w.get(base + "?state=sent"); strings.Count(string(sent.body), `"index"`) != 1 {
		t.Errorf("%s", sent.body)
	}
}

func TestObserve_CountsEveryCallOnceByOperation(t *testing.T) {
	w := start(t)
	w.get("/v1/topics")
	w.get("/nowhere")
	w.do("POST", "/v1/suppressions/check", "all", typeNDJSON, `{"channel":"email"}`+"\n\"a@example.org\"\n")
	for _, want := range []string{"listTopics 200", "unknown 404", "checkAddresses 200"} {
		if got := <-w.seen; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestNew_NamesTheMissingParts(t *testing.T) {
	if _, err := New(Options{}); err == nil || !strings.Contains(err.Error(), "Keys") || !strings.Contains(err.Error(), "Policy") {
		t.Fatal(err)
	}
}
