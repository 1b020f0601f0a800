package queue

import (
	"fmt"
	"strings"

	"heed/gateway/internal/queue/format"
)

// checkSegments refuses what could not be asked for later: overlaps, counts out of range, states that are none.
func checkSegments(list []Segment) error {
	var next uint64
	for i := range list {
		if err := checkSegment(&list[i], next); err != nil {
			return err
		}
		next = uint64(list[i].First) + uint64(list[i].Count)
	}
	return nil
}

// checkSegment checks a segment whose batch holds all indexes below next already.
func checkSegment(s *Segment, next uint64) error {
	if s.Count < 1 || s.Count > format.MaxRecipients {
		return fmt.Errorf("%w: a segment holds 1 to %d recipients, not %d", ErrMisuse, format.MaxRecipients, s.Count)
	}
	if uint64(s.First) < next || uint64(s.First)+uint64(s.Count) > 1<<32 {
		return fmt.Errorf("%w: segment at index %d, the next free one is %d", ErrMisuse, s.First, next)
	}
	if s.Initial != nil && len(s.Initial) != s.Count {
		return fmt.Errorf("%w: %d initial states for %d recipients", ErrMisuse, len(s.Initial), s.Count)
	}
	for _, st := range s.Initial {
		if st != Queued && !(st.Valid() && st.Final()) {
			return fmt.Errorf("%w: initial state %d", ErrMisuse, st)
		}
	}
	return nil
}

func checkRecords(list []Record) error {
	for i := range list {
		if err := checkSpace(list[i].Space); err != nil {
			return err
		}
	}
	return nil
}

func checkSpace(space string) error {
	if space == "" || strings.IndexByte(space, 0) >= 0 {
		return fmt.Errorf("%w: name of a space %q", ErrMisuse, space)
	}
	return nil
}
