package intake

import (
	"bytes"
	"errors"
	"net/http"
	"testing"
	"time"

	"heed/gateway/internal/queue"

	"github.com/google/go-cmp/cmp"
)

func keyed(f *fixture, key string, digest byte) Call {
	c := f.call
	c.Idempotency = &Idempotency{Key: key, Digest: [32]byte{digest}}
	return c
}

// draft-ietf-httpapi-idempotency-key-header-07: same key and body, the recorded answer; another body, 422; still running, 409.
func TestReplay_AnswersARepetitionOnce(t *testing.T) {
	f := setup(t)
	call := keyed(f, "k1", 1)
	a, done, err := f.Replay(call)
	if a != nil || err != nil {
		t.Fatal(a, err)
	}
	_, again, err := f.Replay(call)
	f.fault(nil, err, http.StatusConflict, "idempotency_in_progress", "")
	again() // of a call that was refused: the first goes on
	_, _, err = f.Replay(call)
	f.fault(nil, err, http.StatusConflict, "idempotency_in_progress", "")

	first, err := f.Accept(t.Context(), call, mail(), to("a@example.org", "bad"))
	if err != nil {
		t.Fatal(err)
	}
	done()
	for range 2 {
		a, done, err = f.Replay(call)
		if err != nil || !a.Replay || a.Status != 202 || !bytes.Equal(a.Body, first.Body) {
			t.Fatalf("%+v %v", a, err)
		}
		done()
	}
	_, _, err = f.Replay(keyed(f, "k1", 2))
	var fault *Fault
	if !errors.As(err, &fault) || fault.Status != 422 || fault.Code != "idempotency_key_reused" {
		t.Errorf("%v", err)
	}
	other := keyed(f, "k1", 1)
	other.Principal.Tenant = "other"
	if a, _, err := f.Replay(other); a != nil || err != nil {
		t.Errorf("another tenant's key: %v %v", a, err)
	}
	f.now = noon.Add(24*time.Hour + time.Minute)
	if a, _, err := f.Replay(keyed(f, "k1", 2)); a != nil || err != nil {
		t.Errorf("after a day: %v %v", a, err)
	}
}

func TestReplay_StreamsAndSinglesAreRecordedToo(t *testing.T) {
	f := setup(t)
	f.call = keyed(f, "stream", 1)
	s := f.open()
	add(t, s, to("a@example.org"))
	first, err := s.Commit()
	if err != nil {
		t.Fatal(err)
	}
	if a, _, err := f.Replay(f.call); err != nil || a == nil || !bytes.Equal(a.Body, first.Body) {
		t.Errorf("%+v %v", a, err)
	}
	f.call = keyed(f, "one", 1)
	if first, err = f.AcceptOne(t.Context(), f.call, mail(), to("a@example.org")[0]); err != nil {
		t.Fatal(err)
	}
	if a, _, err := f.Replay(f.call); err != nil || a == nil || !bytes.Equal(a.Body, first.Body) {
		t.Errorf("%+v %v", a, err)
	}
}

// What did nothing is not recorded: a refused call may be mended, a dry run may be followed by the real one.
func TestReplay_RecordsOnlyWhatWasQueued(t *testing.T) {
	f := setup(t)
	call := keyed(f, "k", 1)
	call.Strict = true
	if _, err := f.Accept(t.Context(), call, mail(), to("bad")); err == nil {
		t.Fatal("accepted")
	}
	call.Strict, call.DryRun = false, true
	if _, err := f.Accept(t.Context(), call, mail(), to("a@example.org")); err != nil {
		t.Fatal(err)
	}
	for _, dry := range []bool{true, false} {
		call.DryRun = dry
		a, done, err := f.Replay(call)
		if a != nil || err != nil {
			t.Errorf("dry run %v: %v %v", dry, a, err)
		}
		done()
	}
}

type unreadable struct {
	store
	value []byte
	err   error
}

func (u unreadable) Get(string, string) ([]byte, error) { return u.value, u.err }

// A record that cannot be read is no licence to send twice.
func TestReplay_UnreadableRecordIsA503(t *testing.T) {
	for _, u := range []unreadable{{err: errors.New("disk gone")}, {value: nil}, {value: []byte{9}}, {value: make([]byte, recordHead)}} {
		f := setup(t)
		f.Intake.o.Queue = u
		for range 2 { // the key is free again after a failure
			a, done, err := f.Replay(keyed(f, "k", 1))
			f.fault(a, err, 503, "queue_unavailable", "")
			done()
		}
	}
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add([]byte{})
	f.Add(encodeRecord([32]byte{1}, &Answer{Status: 202, Body: []byte("{}")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		digest, a, err := decodeRecord(b)
		if err == nil && !cmp.Equal(encodeRecord(digest, a), b) {
			t.Errorf("%x: %+v", b, a)
		}
	})
}

var _ store = (*queue.Queue)(nil)
