package suppression

import (
	"errors"
	"fmt"
	"time"

	"heed/suppression/address"
	"heed/suppression/internal/store"
	"heed/suppression/policy"
)

// Key is the keyed digest of an address; see address.Keyer.
type Key = address.Key

// Row is one live suppression of an address.
type Row struct {
	Reason policy.Reason
	Topic  string // at most 255 bytes
	// Class, AllChannels and At of a row made more than once speak for all additions that no lift has observed, so that none loosens another: the class if
	// they agree in it, else 0; whether any was for all channels; the latest on their earliest day.
	Class       policy.Class
	AllChannels bool
	At          time.Time // whole seconds, UTC
	Source      Source    // of the latest addition
	// Position is where in the list's history the row was (last) made; an opt-in names the position it had observed.
	Position uint64
}

// Op is what a Change does.
type Op uint8

const (
	Add  Op = 1 // add the row
	Lift Op = 2 // lift rows of Reason and Topic made at or before Observed
)

// Change is one act on the list.
type Change struct {
	Key Key
	Op  Op
	// Row is what is added; its Position is given by the list and ignored here. For a Lift, Reason and Topic say which row.
	// Reason 0 lifts each row that the person may lift (policy.Reason.LiftableByPerson): of every topic, or of Topic if set.
	Row Row
	// Observed is the position up to which a Lift speaks. A row made later stays. 0 has observed nothing and lifts nothing.
	Observed uint64
}

// ErrChange is the cause of Apply's errors about a change that can never be applied.
var ErrChange = errors.New("invalid change")

// entry gives the change as the store keeps it, the position of an addition still open. latest is the list's position.
func (c *Change) entry(latest uint64) (store.Entry, error) {
	e := store.Entry{Reason: uint8(c.Row.Reason), Topic: c.Row.Topic}
	switch {
	case c.Op == Lift && c.Observed > latest:
		return e, fmt.Errorf("%w: a lift has observed position %d, which is after the latest, %d", ErrChange, c.Observed, latest)
	case c.Op == Lift:
		e.Lifted = c.Observed
	case c.Op == Add && c.Row.Reason == 0:
		return e, fmt.Errorf("%w: a row needs a reason", ErrChange)
	case c.Op == Add:
		e.At = c.Row.At.Unix()
		e.Class, e.Source = uint8(c.Row.Class), uint8(c.Row.Source)
		if c.Row.AllChannels {
			e.AllChannels = latest + 1 // until it has a position
		}
	default:
		return e, fmt.Errorf("%w: operation %d is neither Add nor Lift", ErrChange, c.Op)
	}
	if err := e.Valid(); err != nil {
		return e, fmt.Errorf("%w: %v", ErrChange, err)
	}
	return e, nil
}

// live appends the rows of a set that no lift has observed.
func live(dst []Row, set store.Set) []Row {
	for i := range set {
		e := &set[i]
		lifted := personLift(set, e)
		if e.Reason == 0 || e.Added <= lifted {
			continue
		}
		dst = append(dst, Row{
			Reason:      policy.Reason(e.Reason),
			Topic:       e.Topic,
			Class:       policy.Class(e.ClassAfter(lifted)),
			AllChannels: e.AllChannels > lifted,
			At:          time.Unix(e.AtAfter(lifted), 0).UTC(),
			Source:      Source(e.Source),
			Position:    e.Added,
		})
	}
	return dst
}

// personLift is how far lifts of "any reason the person may lift" have spoken about e. They come first in the set.
func personLift(set store.Set, e *store.Entry) (observed uint64) {
	if !policy.Reason(e.Reason).LiftableByPerson() {
		return 0
	}
	for i := range set {
		if set[i].Reason != 0 {
			break
		}
		if set[i].Topic == "" || set[i].Topic == e.Topic {
			observed = max(observed, set[i].Lifted)
		}
	}
	return observed
}
