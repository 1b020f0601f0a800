package intake

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/batchjson"
	"heed/gateway/internal/queue"
	"heed/suppression/policy"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func withFallback(to, channel, fallback string) batchjson.Recipient {
	return batchjson.Recipient{To: []byte(to), FallbackChannel: []byte(channel), FallbackTo: []byte(fallback)}
}

// P4: what one channel cannot take goes to the other, or is reported undeliverable; it is never dropped in silence.
func TestAccept_ReroutesWhatTheChannelCannotTake(t *testing.T) {
	f := setup(t)
	const dead = "dead@example.org"
	f.list.suppress(t, dead, policy.HardBounce, "")
	f.list.suppress(t, "+4790000009", policy.SMSStop, "")
	f.list.suppress(t, "stopped@example.org", policy.HardBounce, "")
	f.list.suppress(t, "wrong@example.org", policy.HardBounce, "")
	f.list.suppress(t, "alone@example.org", policy.HardBounce, "")
	s := mail()
	s.Class, s.Body = "transactional", "Hi {{name}}"
	r := []batchjson.Recipient{
		withFallback("first@example.org", "sms", "+4790000001"),
		withFallback(dead, "sms", " 900 00 000 "),
		withFallback("stopped@example.org", "sms", "+4790000009"),
		withFallback("wrong@example.org", "sms", "12"),
		{To: []byte("alone@example.org")},
		withFallback("last@example.org", "email", "x@example.org"),
		withFallback("last@example.org", "sms", "+4790000002"),
	}
	for i := range r {
		r[i].Vars = []byte(`{"name":"Ann"}`)
	}
	got := f.accept(s, r)
	want := []result{
		{Index: 1, To: dead, Status: "rerouted", Code: "rerouted", Detail: "goes to the fallback: the mailbox does not exist", MessageID: "msg_" + got.ID[4:] + "-1"},
		{Index: 2, To: "stopped@example.org", Status: "suppressed", Code: "undeliverable", Detail: fallbackBlocked.detail + ": the mailbox does not exist"},
		{Index: 3, To: "wrong@example.org", Status: "suppressed", Code: "undeliverable", Detail: fallbackSyntax.detail + ": the mailbox does not exist"},
		{Index: 4, To: "alone@example.org", Status: "suppressed", Code: "undeliverable", Detail: noFallback.detail + ": the mailbox does not exist"},
		{Index: 5, To: "last@example.org", Status: "invalid", Code: "fallback_channel", Detail: badFallback.detail},
	}
	if diff := cmp.Diff(want, got.Results); diff != "" {
		t.Error(diff)
	}
	if got.Accepted != 3 || got.Rerouted != 1 || got.Suppressed != 3 || got.Invalid != 1 {
		t.Errorf("%+v", got)
	}
	if l, sent := f.lease("sms"); !cmp.Equal(sent, []string{"+4790000000"}) || l.First != 1 {
		t.Errorf("by sms from %d: %v", l.First, sent)
	}
	var mails []string
	for range 2 {
		_, sent := f.lease("email")
		mails = append(mails, sent...)
	}
	if !cmp.Equal(mails, []string{"first@example.org", "last@example.org"}) {
		t.Errorf("by mail %v", mails)
	}
	f.stored(got.ID) // indexes are without gaps
}

func TestAccept_UndeliverableWithoutContentOrVariables(t *testing.T) {
	check := func(want string, change func(*batchjson.Shared), o ...func(*Options)) {
		t.Helper()
		f := setup(t, o...)
		f.list.suppress(t, "dead@example.org", policy.HardBounce, "")
		s := mail()
		s.Class = "mandatory"
		change(s)
		got := f.accept(s, []batchjson.Recipient{withFallback("dead@example.org", "sms", "+4790000000")})
		if got.Suppressed != 1 || got.Results[0].Code != "undeliverable" || !strings.HasPrefix(got.Results[0].Detail, want) {
			t.Errorf("%+v", got)
		}
	}
	check(fallbackVariable.detail, func(s *batchjson.Shared) { s.Body = "{{code}}" })
	check(noContent.detail, func(s *batchjson.Shared) { s.HTML, s.Text = "<p>h</p>", "" }) // nothing to say in a text
	check(noContent.detail, func(s *batchjson.Shared) { s.Body = "x" }, func(o *Options) { o.From = nil })
	f := setup(t)
	s := mail()
	s.Body = "{{"
	f.refused(s, to("a@example.org"), 422, "template_syntax", "/body") // the caller's own words must do
}

// Two people of one household: the number they share is sent to once.
func TestAccept_ReroutesToOneNumberOnce(t *testing.T) {
	f := setup(t)
	f.list.suppress(t, "a@example.org", policy.HardBounce, "")
	f.list.suppress(t, "b@example.org", policy.HardBounce, "")
	s := mail()
	s.Class, s.Body = "transactional", "Hi"
	got := f.accept(s, []batchjson.Recipient{withFallback("a@example.org", "sms", "+4790000000"), withFallback("b@example.org", "sms", "90000000")})
	if got.Rerouted != 1 || got.Duplicate != 1 || got.Results[1].Code != "duplicate" || got.Results[1].Detail != repeated.detail {
		t.Errorf("%+v", got)
	}
}

// docs/policy.md: reroute never overrides a row on the target channel. P5 holds there too.
func TestAccept_FallbackFailsClosed(t *testing.T) {
	f := setup(t)
	f.list.suppress(t, "dead@example.org", policy.HardBounce, "")
	f.list.checkErr, f.list.afterChecks = context.DeadlineExceeded, 1
	s := mail()
	s.Class, s.Body = "transactional", "Hi"
	f.refused(s, []batchjson.Recipient{withFallback("dead@example.org", "sms", "+4790000000")}, 503, "list_unavailable", "")
}

// Segments: each recipient in exactly one, in order and without gaps, beside others that travel alike only.
func TestPack_SegmentsHoldRunsThatTravelAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := &job{plan: &plan{main: route{channel: policy.Email}, priority: 3, due: noon, expires: noon.Add(48 * time.Hour)}}
		untils := []time.Time{{}, noon.Add(-time.Hour), noon.Add(time.Hour)}
		var all []decision
		for range rapid.IntRange(1, 4).Draw(t, "chunks") {
			var chunk []batchjson.Recipient
			j.decisions = j.decisions[:0]
			for range rapid.IntRange(0, 30).Draw(t, "n") {
				d := decision{channel: policy.Email, status: status(rapid.IntRange(0, int(statuses)-1).Draw(t, "status")), to: []byte(fmt.Sprint(len(all)))}
				switch d.status {
				case rerouted:
					d.channel = policy.SMS
				case deferred:
					d.until = rapid.SampledFrom(untils).Draw(t, "until")
				}
				d.why = repeated
				j.decisions, chunk, all = append(j.decisions, d), append(chunk, batchjson.Recipient{}), append(all, d)
			}
			j.pack(chunk)
			j.count += uint32(len(chunk))
		}
		checkSegments(t, j.segments, all)
	})
}

func checkSegments(t *rapid.T, segments []queue.Segment, all []decision) {
	next := 0
	for _, s := range segments {
		var seg batch.Segment
		if err := seg.Open(s.Payload); err != nil || int(s.First) != next || seg.Len() != s.Count || s.Priority != 3 {
			t.Fatalf("segment at %d, want %d: %v", s.First, next, err)
		}
		for i := range s.Count {
			d := all[next]
			state := queue.Queued
			if s.Initial != nil {
				state = s.Initial[i]
			}
			if string(seg.At(i).To) != string(d.to) || state != d.status.state() {
				t.Fatalf("recipient %d is %q, %v", next, seg.At(i).To, state)
			}
			if d.status.live() && (s.Lane != d.channel.String() || !s.Due.Equal(later(noon, d.until))) {
				t.Fatalf("recipient %d leaves by %s at %v", next, s.Lane, s.Due)
			}
			next++
		}
		if s.Initial != nil && !slices.ContainsFunc(s.Initial, queue.State.Final) {
			t.Fatal("states that say nothing")
		}
	}
	if next != len(all) {
		t.Fatalf("%d of %d are packed", next, len(all))
	}
}

func TestPack_CutsSegmentsByBytes(t *testing.T) {
	j := &job{plan: &plan{main: route{channel: policy.Email}}}
	chunk := make([]batchjson.Recipient, 100)
	for i := range chunk {
		chunk[i].Vars = make([]byte, 64<<10)
		j.decisions = append(j.decisions, decision{channel: policy.Email, to: []byte("a@example.org")})
	}
	j.pack(chunk)
	if len(j.segments) != 7 { // sixteen recipients pass the size, each time
		t.Errorf("%d segments", len(j.segments))
	}
	for _, s := range j.segments {
		if len(s.Payload) > segmentBytes+65<<10 {
			t.Errorf("a segment of %d bytes", len(s.Payload))
		}
	}
}

// A deferral waits in a segment of its own. The built-in policy defers on rows that are computed, not stored, so the row is put here.
func TestAccept_DeferredLeavesLater(t *testing.T) {
	f := setup(t)
	f.list.suppress(t, "night@example.org", policy.FrequencyCap, "")
	got := f.accept(mail(), to("a@example.org", "night@example.org", "b@example.org"))
	want := []result{{
		Index: 1, To: "night@example.org", Status: "deferred", Code: "frequency_cap", Detail: "the recipient has had enough messages for now",
		Until: "2026-11-21T13:00:00Z", MessageID: "msg_" + got.ID[4:] + "-1",
	}}
	if diff := cmp.Diff(want, got.Results); diff != "" || got.Accepted != 3 || got.Deferred != 1 {
		t.Errorf("%+v %s", got, diff)
	}
	for _, want := range []string{"a@example.org", "b@example.org"} {
		if _, sent := f.lease("email"); !cmp.Equal(sent, []string{want}) {
			t.Errorf("at noon %v", sent)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if l, err := f.queue.Lease(ctx, "email", 10); err == nil {
		t.Errorf("the deferred one is leased at noon: %v", l)
	}
}
