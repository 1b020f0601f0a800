package live

import (
	"cmp"
	"math"
	"slices"

	"heed/gateway/internal/queue/format"
)

// Group is the results of one segment that go to disk together.
type Group struct {
	Number uint32
	Events []byte // as format.NewGroup begins it
	Last   bool   // nothing of the segment is open any more
}

// Settle puts the result of a recipient in force, numbers its try, adds it to the group that grows, and returns the state it had.
// Requires: the recipient is in hand; e.State is Retrying or final; e.Attempt is not set.
func (s *Segment) Settle(index int, e format.Event) (old format.State) {
	s.drop(index)
	old = s.states[index]
	s.states[index] = e.State
	e.Attempt = s.tried(index)
	if isTry(e.State) {
		e.Attempt++
	}
	if e.State == format.Retrying {
		s.keepTries(index, e.Attempt)
		s.schedule(retry{format.Millis(e.RetryAt), index})
	} else {
		s.open--
	}
	if s.pending == nil {
		s.pending = format.NewGroup()
	}
	s.pending = format.AppendEvent(s.pending, index, &e)
	s.Owner.Counts[old]--
	s.Owner.Counts[e.State]++
	return old
}

// isTry reports whether a result in this state means that the recipient was tried.
func isTry(s format.State) bool {
	return s == format.Sent || s == format.Failed || s == format.Retrying
}

func (s *Segment) tried(index int) int {
	if s.tries == nil {
		return 0
	}
	return int(s.tries[index])
}

func (s *Segment) keepTries(index, n int) {
	if s.tries == nil {
		s.tries = make([]uint16, s.count)
	}
	s.tries[index] = uint16(min(n, math.MaxUint16))
}

// Pending reports whether results wait for TakeGroup.
func (s *Segment) Pending() bool { return s.pending != nil }

// TakeGroup takes the results that wait, to be written as the segment's next group.
func (s *Segment) TakeGroup() Group {
	g := Group{Number: s.groups, Events: s.pending, Last: s.open == 0}
	s.groups++
	s.pending = nil
	return g
}

// Forget frees what a finished segment no longer needs, for those who still point to it.
func (s *Segment) Forget() { s.states, s.tries = nil, nil }

// Replay puts in force what was recorded of a segment before the process started: the events of its groups, of which there were so many.
// Errors: format.ErrDamaged. Requires: nothing is in hand.
func (s *Segment) Replay(groups uint32, events []byte) error {
	s.needStates()
	due := map[int]int64{}
	err := format.EachEvent(events, s.count, func(e *format.RawEvent) {
		s.states[e.Index] = e.State
		delete(due, e.Index)
		if e.State == format.Retrying {
			due[e.Index] = e.RetryAt
			s.keepTries(e.Index, e.Attempt)
		}
	})
	for index, at := range due {
		s.retries = append(s.retries, retry{at, index})
	}
	slices.SortFunc(s.retries, func(a, b retry) int { return cmp.Or(cmp.Compare(b.due, a.due), cmp.Compare(b.index, a.index)) })
	s.groups = groups
	s.recount()
	return err
}
