package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/batchjson"
	"heed/gateway/internal/catalog"
	"heed/gateway/internal/httpapi/problem"
	"heed/gateway/internal/intake"
	"heed/gateway/internal/keys"
	"heed/gateway/internal/queue"
	"heed/suppression"
	"heed/suppression/address"
	"heed/suppression/policy"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// world is a running server with fakes for the parts behind it.
type world struct {
	t      *testing.T
	addr   string
	server *Server
	intake *fakeIntake
	queue  *fakeQueue
	list   *fakeList
	log    *lockedBuffer
	seen   chan string // operation and status of each call that ended
}

func start(t *testing.T, change ...func(*Options)) *world {
	t.Helper()
	w := &world{t: t, intake: &fakeIntake{}, queue: newFakeQueue(), list: &fakeList{rows: map[suppression.Key][]suppression.Row{}}, log: &lockedBuffer{}, seen: make(chan string, 1000)}
	secret := bytes.Repeat([]byte("s"), 32)
	o := Options{
		PublicURL: "https://heed.example",
		Keys: fakeKeys{
			"all":       {KeyID: "heed_all", Tenant: "acme", Scopes: keys.All},
			"marketing": {KeyID: "heed_marketing", Tenant: "acme", Scopes: keys.SendMarketing},
			"reader":    {KeyID: "heed_reader", Tenant: "acme", Scopes: keys.SuppressRead},
			"other":     {KeyID: "heed_other", Tenant: "globex", Scopes: keys.All},
		},
		Intake: w.intake, Queue: w.queue, List: w.list, SoleTenant: true,
		Keyers: func(tenant string) (email, sms address.Keyer) {
			return address.NewKeyer(secret, tenant, "email"), address.NewKeyer(secret, tenant, "sms")
		},
		Policy:  policy.Default(),
		Catalog: catalog.New(&fakeStore{values: map[string][]byte{}}, func() time.Time { return noon }),
		Log:     slog.New(slog.NewTextHandler(w.log, nil)),
		Now:     func() time.Time { return noon },
		Observe: func(op string, status int, _ time.Duration) {
			select {
			case w.seen <- fmt.Sprint(op, " ", status):
			default:
			}
		},
	}
	for _, f := range change {
		f(&o)
	}
	var err error
	if w.server, err = New(o); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.addr = ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- w.server.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		w.server.Shutdown(ctx)
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return w
}

// reply is an answer, read.
type reply struct {
	status int
	header http.Header
	body   []byte
	closed bool // Connection: close
}

func (r reply) problem(t *testing.T) problem.Document {
	t.Helper()
	var d problem.Document
	if got := r.header.Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("Content-Type %q, body %s", got, r.body)
	}
	if err := json.Unmarshal(r.body, &d); err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
	if d.Status != r.status || d.Instance != r.header.Get("X-Request-Id") || d.Instance == "" || d.Title == "" || d.Type != "https://heed.example/problems/"+d.Code {
		t.Fatalf("problem %+v in an answer %d %v", d, r.status, r.header)
	}
	return d
}

// dial opens a connection whose reads and writes end with the test's patience.
func (w *world) dial() net.Conn {
	w.t.Helper()
	c, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(20 * time.Second))
	w.t.Cleanup(func() { c.Close() })
	return c
}

// raw writes bytes and reads all answers until the server closes or half closes.
func (w *world) raw(text string) []reply {
	w.t.Helper()
	c := w.dial()
	go func() {
		io.WriteString(c, text)
		c.(*net.TCPConn).CloseWrite()
	}()
	return w.readAll(c)
}

func (w *world) readAll(c net.Conn) (all []reply) {
	w.t.Helper()
	r := bufio.NewReader(c)
	for {
		if _, err := r.Peek(1); err != nil {
			return all
		}
		all = append(all, w.read(r, "POST"))
	}
}

func (w *world) read(r *bufio.Reader, method string) reply {
	w.t.Helper()
	resp, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		w.t.Fatalf("read answer: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		w.t.Fatalf("read answer's body: %v", err)
	}
	return reply{resp.StatusCode, resp.Header, body, resp.Close}
}

// do makes one call on a connection of its own.
func (w *world) do(method, path, key, contentType, body string, headers ...string) reply {
	w.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: heed.example\r\nConnection: close\r\n", method, path)
	if key != "" {
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", key)
	}
	if contentType != "" {
		fmt.Fprintf(&b, "Content-Type: %s\r\n", contentType)
	}
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	if method == "POST" || body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n" + body)
	c := w.dial()
	go io.WriteString(c, b.String())
	return w.read(bufio.NewReader(c), method)
}

func (w *world) post(path, body string, headers ...string) reply {
	w.t.Helper()
	return w.do("POST", path, "all", "application/json", body, headers...)
}

func (w *world) get(path string) reply {
	w.t.Helper()
	return w.do("GET", path, "all", "", "")
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

type fakeKeys map[string]keys.Principal

func (f fakeKeys) Check(secret string) (keys.Principal, error) {
	if secret == "broken" {
		return keys.Principal{}, keys.ErrDamaged
	}
	if p, ok := f[secret]; ok {
		return p, nil
	}
	return keys.Principal{}, keys.ErrUnknown
}

// fakeIntake remembers what it was given. before, if set, runs inside Accept.
type fakeIntake struct {
	mu       sync.Mutex
	calls    []intake.Call
	heads    []batchjson.Shared
	got      []string // addresses, in order
	commits  int
	aborts   int
	recorded map[string][32]byte
	before   func(ctx context.Context)
	err      error
}

func (f *fakeIntake) take(c intake.Call, s *batchjson.Shared, r []batchjson.Recipient) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls, f.heads = append(f.calls, c), append(f.heads, *s)
	f.addAll(r)
}

func (f *fakeIntake) addAll(r []batchjson.Recipient) {
	for _, one := range r {
		f.got = append(f.got, string(one.To))
	}
}

func (f *fakeIntake) addresses() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.got)
}

func (f *fakeIntake) Replay(c intake.Call) (*intake.Answer, func(), error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d, ok := f.recorded[c.Idempotency.Key]; ok {
		if d != c.Idempotency.Digest {
			return nil, nil, &intake.Fault{Status: 422, Code: "idempotency_key_reused", Detail: "another body"}
		}
		return &intake.Answer{Status: 202, Body: []byte(`{"id":"recorded"}`), Replay: true}, nil, nil
	}
	return nil, func() {}, nil
}

func (f *fakeIntake) record(c intake.Call) {
	if c.Idempotency == nil {
		return
	}
	if f.recorded == nil {
		f.recorded = map[string][32]byte{}
	}
	f.recorded[c.Idempotency.Key] = c.Idempotency.Digest
}

func (f *fakeIntake) answer(c intake.Call, n int) (*intake.Answer, error) {
	if f.err != nil {
		return nil, f.err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commits++
	f.record(c)
	status := 202
	if c.DryRun {
		status = 200
	}
	return &intake.Answer{Status: status, Body: fmt.Appendf(nil, `{"id":%q,"accepted":%d,"suppressed":0,"invalid":0,"duplicate":0,"results":[]}`, batchID, n)}, nil
}

func (f *fakeIntake) Accept(ctx context.Context, c intake.Call, s *batchjson.Shared, r []batchjson.Recipient) (*intake.Answer, error) {
	if f.before != nil {
		f.before(ctx)
	}
	f.take(c, s, r)
	return f.answer(c, len(r))
}

func (f *fakeIntake) AcceptOne(_ context.Context, c intake.Call, s *batchjson.Shared, r batchjson.Recipient) (*intake.Answer, error) {
	f.take(c, s, []batchjson.Recipient{r})
	if _, err := f.answer(c, 1); err != nil {
		return nil, err
	}
	return &intake.Answer{Status: 202, Body: fmt.Appendf(nil, `{"id":%q,"batch_id":%q,"status":"accepted"}`, batch.MessageID(batchID, 0), batchID)}, nil
}

func (f *fakeIntake) Open(_ context.Context, c intake.Call, s *batchjson.Shared) (Stream, error) {
	f.take(c, s, nil)
	return &fakeStream{f: f, call: c}, f.err
}

type fakeStream struct {
	f    *fakeIntake
	call intake.Call
	n    int
	done bool
}

func (s *fakeStream) Add(r []batchjson.Recipient) error {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	s.f.addAll(r)
	s.n += len(r)
	return nil
}

func (s *fakeStream) Commit() (*intake.Answer, error) {
	s.done = true
	return s.f.answer(s.call, s.n)
}

func (s *fakeStream) Abort() {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	if !s.done {
		s.f.aborts++
	}
}

// batchID is the one batch of the fake queue; it has three recipients.
var batchID = batch.NewID(noon, [10]byte{1, 2, 3})

// acceptedAs are the codes that acceptance left with them.
var acceptedAs = []string{"", "rerouted", "unsubscribe_all"}

type fakeQueue struct {
	*fakeStore
	mu      sync.Mutex
	info    queue.Info
	payload []byte
	states  []queue.State
}

func newFakeQueue() *fakeQueue {
	head := batch.Head{Tenant: "acme", Channel: policy.Email, Class: policy.Marketing, Topic: "weekly", Created: noon, Count: 3}
	q := &fakeQueue{fakeStore: &fakeStore{values: map[string][]byte{}}, states: []queue.State{queue.Sent, queue.Queued, queue.Suppressed}}
	q.info = queue.Info{ID: batchID, Tenant: "acme", Head: head.Encode(), Created: noon}
	var p batch.Packer
	for i := range q.states {
		p.Append(batch.Recipient{To: fmt.Appendf(nil, "r%d@example.org", i), ClientRef: fmt.Appendf(nil, "ref-%d", i), Code: []byte(acceptedAs[i])})
		q.info.Counts[q.states[i]]++
	}
	q.payload = slices.Clone(p.Bytes())
	return q
}

func (q *fakeQueue) Batch(id queue.ID) (queue.Info, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if id != q.info.ID {
		return queue.Info{}, queue.ErrNotFound
	}
	return q.info, nil
}

func (q *fakeQueue) SetControl(_ queue.ID, c queue.Control) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.info.Control = c
	return nil
}

func (q *fakeQueue) entry(i int) queue.Entry {
	return queue.Entry{Index: uint32(i), State: q.states[i], Payload: q.payload, At: i, Last: q.event(i)}
}

func (q *fakeQueue) event(i int) queue.Event {
	if q.states[i] != queue.Sent { // decided when it came: the queue is told the state only
		return queue.Event{At: noon, State: q.states[i]}
	}
	return queue.Event{At: noon.Add(time.Minute), State: q.states[i], Attempt: 1, Code: "2.0.0", ProviderID: "abc"}
}

func (q *fakeQueue) Recipients(_ queue.ID, s queue.State, from uint32, limit int) (list []queue.Entry, next uint32, more bool, err error) {
	for i := int(from); i < len(q.states); i++ {
		if s != 0 && q.states[i] != s {
			continue
		}
		if len(list) == limit {
			return list, uint32(i), true, nil
		}
		list = append(list, q.entry(i))
	}
	return list, 0, false, nil
}

func (q *fakeQueue) Timeline(_ queue.ID, index uint32) (queue.Entry, []queue.Event, error) {
	if int(index) >= len(q.states) {
		return queue.Entry{}, nil, queue.ErrNotFound
	}
	if q.states[index] != queue.Sent {
		return q.entry(int(index)), []queue.Event{q.event(int(index))}, nil
	}
	return q.entry(int(index)), []queue.Event{{At: noon, State: queue.Queued}, q.event(int(index))}, nil
}

// fakeList is a map with positions.
type fakeList struct {
	mu       sync.Mutex
	rows     map[suppression.Key][]suppression.Row
	position uint64
	err      error
	checks   int
}

func (l *fakeList) Apply(_ context.Context, changes ...suppression.Change) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return 0, l.err
	}
	l.position++
	for _, ch := range changes {
		kept := l.rows[ch.Key][:0:0]
		for _, r := range l.rows[ch.Key] {
			if r.Reason != ch.Row.Reason || r.Topic != ch.Row.Topic || ch.Op == suppression.Lift && r.Position > ch.Observed {
				kept = append(kept, r)
			}
		}
		if ch.Op == suppression.Add {
			ch.Row.Position = l.position
			kept = append(kept, ch.Row)
		}
		l.rows[ch.Key] = kept
	}
	return l.position, nil
}

func (l *fakeList) CheckBatch(_ context.Context, keys []suppression.Key, hit []bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.checks++
	for i, k := range keys {
		hit[i] = len(l.rows[k]) > 0
	}
	return l.err
}

func (l *fakeList) Rows(dst []suppression.Row, key suppression.Key) ([]suppression.Row, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append(dst, l.rows[key]...), l.err
}

func (l *fakeList) Scan(_ context.Context, after suppression.Key, fn func(suppression.Key, []suppression.Row) bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []suppression.Key
	for k, rows := range l.rows {
		if len(rows) > 0 && bytes.Compare(k[:], after[:]) > 0 {
			all = append(all, k)
		}
	}
	sort.Slice(all, func(i, j int) bool { return bytes.Compare(all[i][:], all[j][:]) < 0 })
	for _, k := range all {
		if !fn(k, l.rows[k]) {
			return nil
		}
	}
	return l.err
}

func (l *fakeList) Position() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.position
}

// fakeStore is the catalog's store in memory.
type fakeStore struct {
	err    error
	mu     sync.Mutex
	values map[string][]byte
}

func (s *fakeStore) Put(records ...queue.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	for _, r := range records {
		s.values[r.Space+"\x00"+r.Key] = slices.Clone(r.Value)
	}
	return nil
}

func (s *fakeStore) Get(space, key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok := s.values[space+"\x00"+key]; ok {
		return v, nil
	}
	return nil, queue.ErrNotFound
}

func (s *fakeStore) List(space, after string, limit int) (names []string, values [][]byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for full := range s.values {
		if name, ok := strings.CutPrefix(full, space+"\x00"); ok && name > after {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	names = names[:min(len(names), limit)]
	for _, name := range names {
		values = append(values, s.values[space+"\x00"+name])
	}
	return names, values, nil
}
