package view

import (
	"testing"
	"time"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/queue"
	"heed/suppression"
	"heed/suppression/policy"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestOfBatch_StatusTellsWhereItStands(t *testing.T) {
	head := batch.Head{Tenant: "acme", Channel: policy.Email, Class: policy.Marketing, Topic: "weekly", Created: noon, Count: 3}
	check := func(c queue.Control, counts queue.Counts, want string) {
		t.Helper()
		v, err := OfBatch(queue.Info{Head: head.Encode(), Control: c, Counts: counts, Created: noon.In(time.FixedZone("", 3600))})
		if err != nil || v.Status != want || v.Channel != "email" || v.Topic != "weekly" || v.Created != noon {
			t.Errorf("%v %v: %+v, %v", c, counts, v, err)
		}
	}
	check(queue.Running, queue.Counts{queue.Queued: 1}, "running")
	check(queue.Running, queue.Counts{queue.Retrying: 1, queue.Sent: 2}, "running")
	check(queue.Running, queue.Counts{queue.Sent: 3}, "done")
	check(queue.Paused, queue.Counts{queue.Queued: 1}, "paused")
	check(queue.Paused, queue.Counts{queue.Sent: 1}, "done")
	check(queue.Stopped, queue.Counts{queue.Queued: 1}, "cancelled")
}

func TestViews_DamageIsAnError(t *testing.T) {
	if _, err := OfBatch(queue.Info{Head: []byte("nonsense")}); err == nil {
		t.Error("a damaged head was shown")
	}
	var s Segments
	if _, err := s.Recipient(batch.ID{}, queue.Entry{Payload: []byte("nonsense")}); err == nil {
		t.Error("a damaged segment was shown")
	}
}

func TestSegments_ShowsEachEntryOfItsOwnSegment(t *testing.T) {
	pack := func(to ...string) []byte {
		var p batch.Packer
		for _, a := range to {
			p.Append(batch.Recipient{To: []byte(a)})
		}
		return append([]byte(nil), p.Bytes()...)
	}
	first, second := pack("a@example.org", "b@example.org"), pack("c@example.org")
	var s Segments
	for _, c := range []struct {
		payload []byte
		at      int
		want    string
	}{{first, 0, "a@example.org"}, {first, 1, "b@example.org"}, {second, 0, "c@example.org"}, {first, 0, "a@example.org"}} {
		if v, err := s.Recipient(batch.ID{}, queue.Entry{Payload: c.payload, At: c.at}); err != nil || v.To != c.want {
			t.Errorf("%+v, %v, want %s", v, err, c.want)
		}
	}
}

func TestOfRows_NamesWhatIsKnown(t *testing.T) {
	rows := OfRows([]suppression.Row{
		{Reason: policy.Complaint, At: noon, Source: suppression.ByReport, Position: 7},
		{Reason: policy.UnsubscribeTopic, Topic: "weekly", Class: policy.Marketing, At: noon, Source: 200},
	})
	want := []Row{
		{Reason: "complaint", At: noon, Source: "report", Position: 7},
		{Reason: "unsubscribe_topic", Topic: "weekly", Class: "marketing", At: noon},
	}
	if len(rows) != 2 || rows[0] != want[0] || rows[1] != want[1] {
		t.Fatalf("%+v", rows)
	}
}
