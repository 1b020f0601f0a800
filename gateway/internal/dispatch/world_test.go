package dispatch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/message"
	"heed/gateway/internal/queue"
	"heed/senders"
	"heed/suppression"
	"heed/suppression/address"
	"heed/suppression/policy"
	"heed/suppression/suppressiontest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a dispatcher on a real queue and a real list in memory, with a sender that the test scripts.
type world struct {
	t      testing.TB
	queue  *queue.Queue
	list   *suppression.List
	sender *scripted
	o      Options
	poll   time.Duration // how often settled looks

	mu       sync.Mutex
	troubles []error
	outcomes map[queue.State]int
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOn(t, vfs.NewMem())
}

// inBubble plays a test in fake time.
func inBubble(t *testing.T, play func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.poll = time.Minute
		play(w)
	})
}

// newWorldOn opens the queue on fs; the list has a file system of its own.
func newWorldOn(t testing.TB, fs vfs.FS) *world {
	t.Helper()
	q, err := queue.Open("queue", queue.Options{FS: fs, CacheBytes: 1 << 20})
	must(t, err)
	w := &world{t: t, queue: q, list: suppressiontest.Open(t), sender: &scripted{}, poll: time.Millisecond, outcomes: map[queue.State]int{}}
	stop := background(t, q.Run)
	t.Cleanup(func() {
		stop()
		if err := q.Close(); err != nil && !errors.Is(err, queue.ErrClosed) {
			t.Errorf("close queue: %v", err)
		}
	})
	w.o = Options{
		Queue: q, List: w.list, Policy: policy.Default(),
		Lanes: []Lane{{Name: "email", Channel: policy.Email, Sender: w.sender, Workers: 4, Chunk: 8}},
		Find:  find,
		Links: func(t Target) Links {
			id := batch.MessageID(t.Batch, t.Index)
			return Links{OneClick: "https://heed.example/u/" + id, Page: "https://heed.example/p/" + id, Mailbox: id + "@in.heed.example"}
		},
		Sign:  func(string) *message.Signer { return nil },
		From:  func(string, policy.Channel) string { return "+15005550006" },
		Learn: func(policy.Channel, string) policy.Reason { return 0 },
		Retry: Retry{Least: time.Minute, First: 30 * time.Minute, Max: 4 * time.Hour, Tries: 4},
		Grace: 20 * time.Second,
		Now:   time.Now,
		Rand:  func() float64 { return 0 },
		Outcome: func(_ string, _ policy.Class, s queue.State, _ string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.outcomes[s]++
		},
		Trouble: func(_ string, err error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.troubles = append(w.troubles, err)
		},
	}
	return w
}

// background runs something until stop, which waits for it. An error it ends with is the test's, unless the test takes it.
func background(t testing.TB, run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("ended with: %v", err)
		}
	})
}

// run starts a dispatcher until stop or the end of the test.
func (w *world) run() (stop func()) {
	stop = background(w.t, New(w.o).Run)
	w.t.Cleanup(stop)
	return stop
}

var keyer = address.NewKeyer(suppressiontest.Secret, "acme", "email")

func find(_ string, _ policy.Channel, to []byte) (Address, error) {
	mailbox, err := address.AppendEmail(nil, to)
	if err != nil {
		return Address{}, err
	}
	return Address{Keys: keyer.AppendKeys(nil, mailbox, true), To: string(to)}, nil
}

func keyOf(t testing.TB, to string) suppression.Key {
	t.Helper()
	a, err := find("", policy.Email, []byte(to))
	must(t, err)
	return a.Keys[0]
}

func mailbox(i int) string { return fmt.Sprintf("user%d@example.org", i) }

// campaign is a batch to mailbox(0) up to mailbox(n-1).
func campaign(n int, change ...func(*batch.Head, *queue.Batch)) queue.Batch {
	h := &batch.Head{
		Tenant: "acme", Channel: policy.Email, Class: policy.Marketing, Topic: "weekly", From: "News <news@example.com>",
		Subject: "Hello {{name}}", HTML: "<p>Dear {{name}}, buy at {{shop}}.</p>", Text: "Dear {{name}}, buy at {{shop}}.",
		Vars: map[string]string{"shop": "Ann's"}, Created: time.Now().Truncate(time.Second),
	}
	var p batch.Packer
	for i := range n {
		p.Append(batch.Recipient{To: []byte(mailbox(i)), Vars: fmt.Appendf(nil, `{"name":"User %d"}`, i)})
	}
	b := queue.Batch{Tenant: "acme", Segments: []queue.Segment{{Count: n, Lane: "email", Priority: 3, Payload: p.Bytes()}}}
	b.ID = queue.ID{1}
	for _, f := range change {
		f(h, &b)
	}
	b.Head, b.Created = h.Encode(), h.Created
	return b
}

func class(c policy.Class) func(*batch.Head, *queue.Batch) {
	return func(h *batch.Head, _ *queue.Batch) { h.Class = c }
}

func (w *world) accept(b queue.Batch) {
	w.t.Helper()
	must(w.t, w.queue.Append(b))
}

// settled waits until every recipient of a batch is in a final state and answers how many are in each.
func (w *world) settled(id queue.ID) queue.Counts {
	w.t.Helper()
	for {
		i, err := w.queue.Batch(id)
		must(w.t, err)
		if i.Counts[queue.Queued]+i.Counts[queue.Retrying] == 0 {
			must(w.t, w.queue.Flush(context.Background()))
			return i.Counts
		}
		time.Sleep(w.poll)
	}
}

func (w *world) counts(id queue.ID) queue.Counts {
	w.t.Helper()
	i, err := w.queue.Batch(id)
	must(w.t, err)
	return i.Counts
}

// last is the latest event of a recipient.
func (w *world) last(id queue.ID, index uint32) queue.Event {
	w.t.Helper()
	must(w.t, w.queue.Flush(context.Background()))
	_, events, err := w.queue.Timeline(id, index)
	must(w.t, err)
	return events[len(events)-1]
}

func (w *world) optOut(to string, reason policy.Reason) {
	w.t.Helper()
	_, err := w.list.Apply(context.Background(), suppression.Change{Key: keyOf(w.t, to), Op: suppression.Add,
		Row: suppression.Row{Reason: reason, At: time.Unix(1.7e9, 0).UTC(), Source: suppression.ByOneClick}})
	must(w.t, err)
}

// scripted is a sender that calls Begin as a real one does and answers as the test says.
type scripted struct {
	before func(ctx context.Context, m *senders.Message) error          // with no connection yet; nil error: goes on
	answer func(ctx context.Context, m *senders.Message, nth int) error // with the transaction begun; nth hand-off to this address, from 1

	mu   sync.Mutex
	sent []handed
	nth  map[string]int
}

// handed is one hand-off as the peer saw it.
type handed struct {
	id, to, from string
	body         string
	at           time.Time
	err          error
}

func (s *scripted) Send(ctx context.Context, m *senders.Message) (senders.Result, error) {
	if s.before != nil {
		if err := s.before(ctx, m); err != nil {
			return senders.Result{}, err
		}
	}
	h, err := m.Begin()
	if err != nil {
		return senders.Result{}, err
	}
	defer h.End()
	h.Began()
	at, nth := s.note(m), s.count(m.To)
	if s.answer != nil {
		err = s.answer(ctx, m, nth)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent[at].err = err
	if err != nil {
		return senders.Result{}, err
	}
	return senders.Result{ProviderID: "q-" + m.ID, Detail: "250 ok"}, nil
}

func (s *scripted) Close() error { return nil }

func (s *scripted) note(m *senders.Message) (at int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, handed{id: m.ID, to: m.To, from: m.From, body: string(m.Body), at: time.Now()})
	return len(s.sent) - 1
}

func (s *scripted) count(to string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.nth == nil {
		s.nth = map[string]int{}
	}
	s.nth[to]++
	return s.nth[to]
}

// handOffs are those so far.
func (s *scripted) handOffs() []handed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]handed(nil), s.sent...)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
