package format

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Segment is a run of recipients of one batch that travel alike. The queue keeps Payload as it is.
type Segment struct {
	First    uint32    // index in the batch of the segment's first recipient
	Count    int       // recipients in Payload, 1 to 65,536
	Initial  []State   // nil: all Queued; else Count states, those decided at acceptance being final
	Lane     string    // leased by lane, such as "email" or "sms"; from a small closed set
	Priority uint8     // 0 goes first
	Due      time.Time // zero: now. Times are kept to the millisecond
	Expires  time.Time // zero: never
	Payload  []byte
}

// Batch is what is accepted in one go: all of it or nothing.
type Batch struct {
	ID       ID
	Tenant   string
	Head     []byte // opaque, kept as long as the batch
	Created  time.Time
	Segments []Segment // in order of First
	Records  []Record  // written in the same commit, such as an idempotency answer
}

// Record is a small named value kept beside the queue.
type Record struct {
	Space, Key string // Space is not empty and holds no NUL
	Value      []byte
	Expires    time.Time // zero: never
}

// ErrMisuse: what was handed in cannot be stored; a bug of the caller.
var ErrMisuse = errors.New("queue: misuse")

// CheckSegments refuses what could not be asked for later: overlaps, counts out of range, states that are none.
func CheckSegments(list []Segment) error {
	var next uint64
	for i := range list {
		if err := CheckSegment(&list[i], next); err != nil {
			return err
		}
		next = uint64(list[i].First) + uint64(list[i].Count)
	}
	return nil
}

// CheckSegment checks a segment whose batch holds all indexes below next already.
func CheckSegment(s *Segment, next uint64) error {
	if s.Count < 1 || s.Count > MaxRecipients {
		return fmt.Errorf("%w: a segment holds 1 to %d recipients, not %d", ErrMisuse, MaxRecipients, s.Count)
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

// CheckRecords refuses spaces that could not be told from others.
func CheckRecords(list []Record) error {
	for i := range list {
		if err := CheckSpace(list[i].Space); err != nil {
			return err
		}
	}
	return nil
}

// CheckSpace refuses the name of a space that is empty or holds NUL, which ends it in keys.
func CheckSpace(space string) error {
	if space == "" || strings.IndexByte(space, 0) >= 0 {
		return fmt.Errorf("%w: name of a space %q", ErrMisuse, space)
	}
	return nil
}
