package intake

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"heed/gateway/internal/batchjson"
	"heed/gateway/internal/queue"
	"heed/suppression/policy"

	"github.com/google/go-cmp/cmp"
)

func (f *fixture) open() *Stream {
	f.t.Helper()
	s, err := f.Open(f.t.Context(), f.call, mail())
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(s.Abort)
	return s
}

func add(t *testing.T, s *Stream, r []batchjson.Recipient) {
	t.Helper()
	if err := s.Add(r); err != nil {
		t.Fatal(err)
	}
}

// A stream answers as the whole batch does, however it is cut.
func TestStream_AnswersAsTheWholeBatch(t *testing.T) {
	var all []batchjson.Recipient
	for i := range 2500 {
		all = append(all, to(fmt.Sprintf("u%d@example.org", i%2400))...)
	}
	all[7].To = []byte("bad")
	whole := setup(t)
	whole.list.suppress(t, "u42@example.org", policy.UnsubscribeAll, "")
	want := whole.accept(mail(), all)
	if want.Duplicate != 99 || want.Suppressed != 1 || want.Invalid != 1 { // u7 comes once, since the first was refused
		t.Fatalf("%+v", want)
	}
	for _, size := range []int{7, 999, 2500} {
		f := setup(t)
		f.list.suppress(t, "u42@example.org", policy.UnsubscribeAll, "")
		s := f.open()
		for at := 0; at < len(all); at += size {
			chunk := append([]batchjson.Recipient{}, all[at:min(at+size, len(all))]...)
			add(t, s, chunk)
			clear(chunk) // they may be reused
		}
		a, err := s.Commit()
		got := read(t, a, err)
		if diff := cmp.Diff(want.Results, got.Results); diff != "" {
			t.Errorf("chunks of %d: %s", size, diff)
		}
		if diff := cmp.Diff(whole.stored(want.ID), f.stored(got.ID)); diff != "" {
			t.Errorf("chunks of %d: %s", size, diff)
		}
		if h := f.head(got.ID); h.Count != 2500 {
			t.Errorf("count %d", h.Count)
		}
	}
}

func TestStream_NothingIsSentBeforeCommit(t *testing.T) {
	f := setup(t)
	s := f.open()
	add(t, s, to("a@example.org"))
	if n := f.queue.Depth()["email"]; n != (queue.Counts{}) {
		t.Errorf("%v", n)
	}
	s.Abort()
	s.Abort()
	if err := s.Add(to("b@example.org")); !errors.Is(err, errEnded) {
		t.Error(err)
	}
	if _, err := s.Commit(); !errors.Is(err, errEnded) {
		t.Error(err)
	}
	if n := f.queue.Depth()["email"]; n != (queue.Counts{}) {
		t.Errorf("%v", n)
	}
}

func TestStream_RefusalsQueueNothing(t *testing.T) {
	f := setup(t)
	a, err := f.open().Commit()
	f.fault(a, err, 422, "missing", "/recipients")

	f = setup(t)
	f.call.Strict = true
	s := f.open()
	r := to("a@example.org", "bad")
	r[0].Line, r[1].Line = 2, 5 // lines between them were blank
	add(t, s, r)
	a, err = s.Commit()
	fault := f.fault(a, err, 422, "invalid_recipients", "")
	if diff := cmp.Diff([]Item{{Pointer: "/to", Line: 5, Code: "address_syntax", Detail: badEmail.detail}}, fault.Errors); diff != "" {
		t.Error(diff)
	}

	f = setup(t)
	s = f.open()
	add(t, s, to("a@example.org"))
	f.list.checkErr = errors.New("list down")
	f.fault(nil, s.Add(to("b@example.org")), 503, "list_unavailable", "")

	f = setup(t)
	f.call.Principal.Scopes = 0
	_, err = f.Open(t.Context(), f.call, mail())
	f.fault(nil, err, 403, "scope_missing", "/class")
}

type brokenStage struct {
	append, commit error
	aborted        int
}

func (s *brokenStage) Append(queue.Segment) error           { return s.append }
func (s *brokenStage) Commit([]byte, ...queue.Record) error { return s.commit }
func (s *brokenStage) Abort()                               { s.aborted++ }

func TestStream_QueueFailureIsA503(t *testing.T) {
	gone := errors.New("disk gone")
	f := setup(t)
	st := &brokenStage{append: gone}
	f.stage = func(queue.Batch) (stage, error) { return st, nil }
	s := f.open()
	f.fault(nil, s.Add(to("a@example.org")), 503, "queue_unavailable", "")
	s.Abort()
	if st.aborted != 1 {
		t.Errorf("aborted %d times", st.aborted)
	}

	st = &brokenStage{commit: queue.ErrFull}
	s = f.open()
	add(t, s, to("a@example.org"))
	a, err := s.Commit()
	f.fault(a, err, 503, "no_room", "")
	if st.aborted != 1 {
		t.Errorf("aborted %d times", st.aborted)
	}

	f.stage = func(queue.Batch) (stage, error) { return nil, gone }
	_, err = f.Open(t.Context(), f.call, mail())
	f.fault(nil, err, 503, "queue_unavailable", "")
}

// Bounded memory: an answer lists 10,000 results and says where the rest is.
func TestStream_ListsABoundedNumberOfResults(t *testing.T) {
	f := setup(t)
	s := f.open()
	for range 11 {
		add(t, s, to(strings.Split(strings.Repeat("bad,", 999)+"bad", ",")...))
	}
	a, err := s.Commit()
	got := read(t, a, err)
	if got.Invalid != 11_000 || len(got.Results) != maxListed || !got.Truncated || got.URL != "/v1/batches/"+got.ID+"/recipients" {
		t.Errorf("%d invalid, %d listed, %v %s", got.Invalid, len(got.Results), got.Truncated, got.URL)
	}
}

func TestStream_DryRunQueuesNothing(t *testing.T) {
	f := setup(t)
	f.call.DryRun = true
	s := f.open()
	add(t, s, to("a@example.org", "bad"))
	a, err := s.Commit()
	if got := read(t, a, err); a.Status != 200 || !got.DryRun || got.Accepted != 1 || got.Invalid != 1 || f.queue.Depth()["email"] != (queue.Counts{}) {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}
