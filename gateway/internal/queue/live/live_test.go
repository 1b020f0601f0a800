package live

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"heed/gateway/internal/queue/format"
)

const lane, payload = "email", "payload"

func newOf(b *Batch, count int, initial []format.State) *Segment {
	s := NewSegment(b, 7, &format.Header{Batch: b.ID, Count: count, Initial: initial, Lane: lane, Due: 100, Expires: 1000})
	b.Counts.Add(s.Tally())
	b.Adopt(s)
	return s
}

func TestWorkAt(t *testing.T) {
	b := &Batch{}
	s := newOf(b, 2, nil)
	check := func(what string, want int64, some bool) {
		t.Helper()
		if got, ok := s.WorkAt(); got != want || ok != some {
			t.Errorf("%s: work at %d, %v; want %d, %v", what, got, ok, want, some)
		}
	}
	check("fresh", 100, true)
	s.Take(100, 2)
	check("all in hand", 0, false)
	s.Settle(0, format.Event{State: format.Retrying, RetryAt: time.UnixMilli(500)})
	check("a retry", 500, true)
	s.Settle(1, format.Event{State: format.Retrying, RetryAt: time.UnixMilli(5000)})
	s.Take(500, 1)
	check("a retry after the expiry", 1000, true)
	b.Control = format.Paused
	check("paused", 0, false)
	b.Control = format.Stopped
	check("stopped", 0, true)
}

func TestPayload_IsLentWhileSomethingIsInHand(t *testing.T) {
	s := newOf(&Batch{}, 2, nil)
	s.KeepPayload([]byte(payload))
	if s.Payload() != nil {
		t.Error("kept with nothing in hand")
	}
	s.Take(100, 2)
	s.KeepPayload([]byte(payload))
	s.GiveBack(1, 100)
	if string(s.Payload()) != payload {
		t.Errorf("payload %q with one in hand", s.Payload())
	}
	s.Settle(0, format.Event{State: format.Sent})
	if s.Payload() != nil {
		t.Error("kept after the last was settled")
	}
}

func TestFinish_KeepsTheCountsAndTheOthers(t *testing.T) {
	b := &Batch{}
	segments := []*Segment{newOf(b, 1, nil), newOf(b, 2, nil), newOf(b, 3, nil)}
	for i, s := range segments {
		for _, it := range s.Take(100, 9) {
			s.Settle(it.Index, format.Event{State: format.Sent})
		}
		b.Finish(s)
		if len(b.Segments) != 2-i || slices.Contains(b.Segments, s) || !s.Pending() || s.Open() {
			t.Errorf("after %d: %d segments left, open %v", i, len(b.Segments), s.Open())
		}
	}
	if want := (format.Counts{format.Sent: 6}); b.Done != want || b.Counts != want {
		t.Errorf("done %v of %v, want %v", b.Done, b.Counts, want)
	}
}

func TestReplay_RefusesDamage(t *testing.T) {
	s := newOf(&Batch{}, 2, nil)
	if err := s.Replay(1, []byte{200, 1}); !errors.Is(err, format.ErrDamaged) {
		t.Errorf("replayed damage: %v", err)
	}
}

// disk is a segment and what lies on disk of it.
type disk struct {
	*Segment
	count  int
	groups uint32
	events []byte
	hand   map[int]bool
}

// TestSegment_ReplayedIsWhereItWas plays random takes and results, and holds the segment against one that replays its groups: the
// same is open, the same is handed out, with the same number of tries; and no recipient is in two hands.
func TestSegment_ReplayedIsWhereItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(1, 6).Draw(t, "count")
		var initial []format.State
		if rapid.Bool().Draw(t, "decided") {
			initial = rapid.SliceOfN(rapid.SampledFrom([]format.State{format.Queued, format.Suppressed}), count, count).Draw(t, "initial")
		}
		d, now := &disk{Segment: newOf(&Batch{}, count, initial), count: count, hand: map[int]bool{}}, int64(100)
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			now += int64(rapid.IntRange(0, 20).Draw(t, "later"))
			d.take(t, now)
			d.settle(t, now)
			if rapid.Bool().Draw(t, "write") {
				d.write(t)
			}
		}
		d.write(t)
		for index := range d.hand {
			d.GiveBack(index, now)
		}
		again := newOf(&Batch{}, count, initial)
		if err := again.Replay(d.groups, d.events); err != nil {
			t.Fatal(err)
		}
		if again.Tally() != d.Tally() || again.Open() != d.Open() || d.Owner.Counts != d.Tally() {
			t.Fatalf("replayed %v, was %v; counts %v", again.Tally(), d.Tally(), d.Owner.Counts)
		}
		if got, want := again.Take(1000, count), d.Take(1000, count); !slices.Equal(got, want) {
			t.Fatalf("replayed hands out %v, was %v", got, want)
		}
	})
}

func (d *disk) take(t *rapid.T, now int64) {
	for _, it := range d.Take(now, rapid.IntRange(1, 3).Draw(t, "limit")) {
		if d.hand[it.Index] {
			t.Fatalf("recipient %d is in hand twice", it.Index)
		}
		d.hand[it.Index] = true
	}
}

// settle gives some of those in hand a result.
func (d *disk) settle(t *rapid.T, now int64) {
	for index := range d.count {
		if !d.hand[index] || rapid.Bool().Draw(t, "later") {
			continue
		}
		e := format.Event{State: rapid.SampledFrom([]format.State{format.Sent, format.Expired, format.Retrying, format.Retrying}).Draw(t, "state")}
		if e.State == format.Retrying {
			e.RetryAt = time.UnixMilli(now + int64(rapid.IntRange(1, 40).Draw(t, "retry in")))
		}
		d.Settle(index, e)
		delete(d.hand, index)
	}
}

// write adds the segment's next group, if there is one, to what lies on disk.
func (d *disk) write(t *rapid.T) {
	if !d.Pending() {
		return
	}
	g := d.TakeGroup()
	if g.Number != d.groups || g.Last == d.Open() || d.Pending() {
		t.Fatalf("group %+v after %d, open %v", g, d.groups, d.Open())
	}
	events, err := format.GroupEvents(g.Events)
	if err != nil {
		t.Fatal(err)
	}
	d.groups, d.events = d.groups+1, append(d.events, events...)
}
