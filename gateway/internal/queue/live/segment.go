package live

import (
	"cmp"
	"math"
	"slices"

	"heed/gateway/internal/queue/format"
	"heed/gateway/internal/queue/ready"
)

// inHand marks, in a segment's states, a recipient that a lease holds; the state beneath is the one it had before.
const inHand format.State = 0x80

// Segment is a live segment: about 300 bytes, and a byte a recipient from its first lease on. Times are in milliseconds.
type Segment struct {
	ready.Entry
	Owner   *Batch
	First   uint32 // index in the batch of the first recipient
	Expires int64  // 0: never

	slot    int // in Owner.Segments
	count   int
	due     int64
	states  []format.State // nil: all Queued
	tries   []uint16       // nil until one was recorded
	retries []retry        // not in hand, the one due first last
	next    int            // Invariant: no Queued recipient that is not in hand lies before it
	fresh   int            // Queued and not in hand
	open    int            // not final
	hands   int            // in hand
	groups  uint32         // groups of results taken or replayed
	pending []byte         // the group that grows; nil if nothing waits
	payload []byte         // while somebody has it in hand
}

type retry struct {
	due   int64
	index int
}

// Item is one recipient of a lease.
type Item struct {
	Index   int // position in the segment
	Attempt int // tries recorded before this one
}

// NewSegment makes a segment of b out of its header, of which it keeps nothing. It is not one of b.Segments before Adopt.
func NewSegment(b *Batch, number uint64, h *format.Header) *Segment {
	s := &Segment{
		Entry:   ready.Entry{Lane: h.Lane, Tenant: b.Tenant, Batch: b.ID, Priority: h.Priority, Order: number},
		Owner:   b,
		First:   h.First,
		Expires: h.Expires,
		count:   h.Count,
		due:     h.Due,
		states:  slices.Clone(h.Initial),
	}
	s.recount()
	return s
}

// recount brings fresh and open to where the states are. Requires: nothing is in hand.
func (s *Segment) recount() {
	c := s.Tally()
	s.fresh = int(c[format.Queued])
	s.open = int(c[format.Queued] + c[format.Retrying])
}

// Tally is how many recipients are in which state, those in hand in the one they had.
func (s *Segment) Tally() (c format.Counts) {
	if s.states == nil {
		c[format.Queued] = uint64(s.count)
	}
	for _, st := range s.states {
		c[st&^inHand]++
	}
	return c
}

// Open reports whether something of the segment is not final.
func (s *Segment) Open() bool { return s.open > 0 }

// WorkAt returns from when on something can be leased; ok is false if all is final or in hand, or the batch is paused.
func (s *Segment) WorkAt() (when int64, ok bool) {
	if s.Owner.Control == format.Paused || s.fresh == 0 && len(s.retries) == 0 {
		return 0, false
	}
	if s.Owner.Control == format.Stopped {
		return 0, true
	}
	when = math.MaxInt64
	if s.fresh > 0 {
		when = s.due
	}
	if n := len(s.retries); n > 0 {
		when = min(when, s.retries[n-1].due)
	}
	if s.Expires != 0 {
		when = min(when, s.Expires)
	}
	return when, true
}

// allAtOnce reports whether everything open is to be handed out whatever its time: to be cancelled or to expire.
func (s *Segment) allAtOnce(now int64) bool {
	return s.Owner.Control == format.Stopped || s.Expires != 0 && s.Expires <= now
}

// Take puts at most limit recipients in hand: retries that are due, then those never tried. The items are in order of index.
func (s *Segment) Take(now int64, limit int) []Item {
	s.needStates()
	all := s.allAtOnce(now)
	items := make([]Item, 0, min(limit, s.fresh+len(s.retries)))
	for n := len(s.retries); n > 0 && len(items) < limit && (all || s.retries[n-1].due <= now); n-- {
		items = append(items, s.hold(s.retries[n-1].index))
		s.retries = s.retries[:n-1]
	}
	for (all || s.due <= now) && s.fresh > 0 && len(items) < limit {
		if s.states[s.next] == format.Queued {
			items = append(items, s.hold(s.next))
			s.fresh--
		}
		s.next++
	}
	slices.SortFunc(items, func(a, b Item) int { return cmp.Compare(a.Index, b.Index) })
	return items
}

func (s *Segment) needStates() {
	if s.states == nil {
		s.states = slices.Repeat([]format.State{format.Queued}, s.count)
	}
}

func (s *Segment) hold(index int) Item {
	s.states[index] |= inHand
	s.hands++
	return Item{Index: index, Attempt: s.tried(index)}
}

// GiveBack undoes Take for one recipient. One whose retry was due stays due. Requires: it is in hand.
func (s *Segment) GiveBack(index int, now int64) {
	s.drop(index)
	if s.states[index] == format.Retrying {
		s.schedule(retry{now, index})
		return
	}
	s.fresh++
	s.next = min(s.next, index)
}

func (s *Segment) drop(index int) {
	s.states[index] &^= inHand
	s.hands--
	if s.hands == 0 {
		s.payload = nil
	}
}

func (s *Segment) schedule(r retry) {
	i, _ := slices.BinarySearchFunc(s.retries, r, func(a, b retry) int { return cmp.Compare(b.due, a.due) })
	s.retries = slices.Insert(s.retries, i, r)
}

// Payload is what KeepPayload was given, as long as something has been in hand since; else nil.
func (s *Segment) Payload() []byte { return s.payload }

// KeepPayload lends the payload to later leases, until nothing is in hand any more.
func (s *Segment) KeepPayload(p []byte) {
	if s.hands > 0 {
		s.payload = p
	}
}
