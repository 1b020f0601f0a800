package queue

import (
	"cmp"
	"math"
	"slices"

	"heed/gateway/internal/queue/ready"
)

// inHand marks, in a segment's states, a recipient that a lease holds; the state beneath is the one it had before.
const inHand State = 0x80

// batch is a batch with segments that are not finished. Guarded by Queue.mu, like segment.
type batch struct {
	id       ID
	tenant   string
	created  int64
	control  Control
	segments []*segment // the live ones
	counts   Counts     // of all its recipients
	done     Counts     // of the recipients of its finished segments
}

func (b *batch) adopt(s *segment) {
	s.slot = len(b.segments)
	b.segments = append(b.segments, s)
}

// disown forgets a finished segment.
func (b *batch) disown(s *segment) {
	last := b.segments[len(b.segments)-1]
	b.segments[s.slot] = last
	last.slot = s.slot
	b.segments = b.segments[:len(b.segments)-1]
}

// segment is what memory holds of a live segment: about 300 bytes, and a byte a recipient from its first lease on.
// It is plain: no lock, no clock, no disk.
type segment struct {
	ready.Entry
	batch    *batch
	slot     int // in batch.segments
	first    uint32
	count    int
	due      int64
	expires  int64 // 0: never
	states   []State
	tries    []uint16 // nil until one was recorded
	retries  []retry  // not in hand, the one due first last
	next     int      // Invariant: no Queued recipient that is not in hand lies before it
	fresh    int      // Queued and not in hand
	open     int      // not final
	hands    int      // in hand
	groups   uint32   // groups of results written or being written
	pending  []byte   // events not yet in a group
	settling bool     // its last results are being written
	payload  []byte   // while somebody has it in hand
}

type retry struct {
	due   int64
	index int
}

// newSegment makes a live segment out of its header.
func newSegment(b *batch, number uint64, h *header) *segment {
	s := &segment{
		Entry:   ready.Entry{Lane: h.lane, Tenant: b.tenant, Batch: b.id, Priority: h.priority, Order: number},
		batch:   b,
		first:   h.first,
		count:   h.count,
		due:     h.due,
		expires: h.expires,
		fresh:   h.count,
		open:    h.count,
	}
	if h.initial == nil {
		return s
	}
	s.states = slices.Clone(h.initial)
	for _, st := range s.states {
		if st.Final() {
			s.fresh--
			s.open--
		}
	}
	return s
}

// tally is how many recipients are in which state, those in hand in the one they had.
func (s *segment) tally() (c Counts) {
	if s.states == nil {
		c[Queued] = uint64(s.count)
	}
	for _, st := range s.states {
		c[st&^inHand]++
	}
	return c
}

// allAtOnce reports whether everything open is to be handed out whatever its time: to be cancelled or to expire.
func (s *segment) allAtOnce(now int64) bool {
	return s.batch.control == Stopped || s.expires != 0 && s.expires <= now
}

// workAt returns from when on something can be leased; ok is false if all is final or in hand.
func (s *segment) workAt() (when int64, ok bool) {
	if s.fresh == 0 && len(s.retries) == 0 {
		return 0, false
	}
	if s.batch.control == Stopped {
		return 0, true
	}
	when = math.MaxInt64
	if s.fresh > 0 {
		when = s.due
	}
	if n := len(s.retries); n > 0 {
		when = min(when, s.retries[n-1].due)
	}
	if s.expires != 0 {
		when = min(when, s.expires)
	}
	return when, true
}

// take puts at most limit recipients in hand: retries that are due, then those never tried. The items are in order of index.
func (s *segment) take(now int64, limit int) []Item {
	s.needStates()
	all := s.allAtOnce(now)
	items := make([]Item, 0, min(limit, s.fresh+len(s.retries)))
	for n := len(s.retries); n > 0 && len(items) < limit && (all || s.retries[n-1].due <= now); n-- {
		items = append(items, s.hold(s.retries[n-1].index))
		s.retries = s.retries[:n-1]
	}
	for (all || s.due <= now) && s.fresh > 0 && len(items) < limit {
		if s.states[s.next] == Queued {
			items = append(items, s.hold(s.next))
			s.fresh--
		}
		s.next++
	}
	slices.SortFunc(items, func(a, b Item) int { return cmp.Compare(a.Index, b.Index) })
	return items
}

func (s *segment) needStates() {
	if s.states == nil {
		s.states = slices.Repeat([]State{Queued}, s.count)
	}
}

func (s *segment) hold(index int) Item {
	s.states[index] |= inHand
	s.hands++
	return Item{Index: index, Attempt: s.tried(index)}
}

func (s *segment) tried(index int) int {
	if s.tries == nil {
		return 0
	}
	return int(s.tries[index])
}

// giveBack undoes hold. A recipient whose retry was due stays due.
func (s *segment) giveBack(index int, now int64) {
	s.drop(index)
	if s.states[index] == Retrying {
		s.schedule(retry{now, index})
		return
	}
	s.fresh++
	s.next = min(s.next, index)
}

func (s *segment) drop(index int) {
	s.states[index] &^= inHand
	s.hands--
	if s.hands == 0 {
		s.payload = nil
	}
}

func (s *segment) schedule(r retry) {
	i, _ := slices.BinarySearchFunc(s.retries, r, func(a, b retry) int { return cmp.Compare(b.due, a.due) })
	s.retries = slices.Insert(s.retries, i, r)
}

// settle puts the result of a recipient in hand in force and returns the state it had and the number of tries recorded.
func (s *segment) settle(r *Result) (old State, tries int) {
	s.drop(r.Index)
	old = s.states[r.Index]
	s.states[r.Index] = r.State
	tries = s.tried(r.Index)
	if isTry(r.State) {
		tries++
	}
	if r.State == Retrying {
		s.keepTries(r.Index, tries)
		s.schedule(retry{millis(r.RetryAt), r.Index})
	} else {
		s.open--
	}
	return old, tries
}

// isTry reports whether a result in this state means that the recipient was tried.
func isTry(s State) bool { return s == Sent || s == Failed || s == Retrying }

func (s *segment) keepTries(index, n int) {
	if s.tries == nil {
		s.tries = make([]uint16, s.count)
	}
	s.tries[index] = uint16(min(n, math.MaxUint16))
}

// replay puts in force what was recorded of a segment before the process started.
func (s *segment) replay(events []byte) error {
	s.needStates()
	due := map[int]int64{}
	err := eachEvent(events, s.count, func(e *rawEvent) {
		s.states[e.index] = e.state
		delete(due, e.index)
		if e.state == Retrying {
			due[e.index] = e.retryAt
			s.keepTries(e.index, e.attempt)
		}
	})
	for index, at := range due {
		s.retries = append(s.retries, retry{at, index})
	}
	slices.SortFunc(s.retries, func(a, b retry) int { return cmp.Or(cmp.Compare(b.due, a.due), cmp.Compare(b.index, a.index)) })
	s.fresh, s.open = 0, 0
	for _, st := range s.states {
		if st == Queued {
			s.fresh++
		}
		if !st.Final() {
			s.open++
		}
	}
	return err
}
