package optout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"heed/suppression"
	"heed/suppression/policy"
)

// DefaultUndoLife is how long an undo token works unless Options says otherwise.
const DefaultUndoLife = 30 * time.Minute

// Options of NewDesk.
type Options struct {
	List     List
	Signer   *Signer
	UndoLife time.Duration // 0 means DefaultUndoLife
	// Stopped hears of each opt-out once it is in force, by which way it came and when it was received. It must not block; nil: nobody hears.
	Stopped func(by suppression.Source, received time.Time)
}

// Desk takes opt-outs and undoes them. Safe for concurrent use.
type Desk struct {
	list    List
	signer  *Signer
	life    time.Duration
	stopped func(by suppression.Source, received time.Time)
}

// NewDesk fills in; it starts nothing.
func NewDesk(o Options) *Desk {
	if o.UndoLife == 0 {
		o.UndoLife = DefaultUndoLife
	}
	if o.Stopped == nil {
		o.Stopped = func(suppression.Source, time.Time) {}
	}
	return &Desk{list: o.List, signer: o.Signer, life: o.UndoLife, stopped: o.Stopped}
}

var errNobody = errors.New("optout: the token names no address")

// Stop records what the token says: with a topic, that one is left (Gmail: one-click removes from the list of that message only);
// without, every topic is, under the family key too if there is one. Durable and in force when it returns nil (P1); doing it
// twice is doing it once, with the same work. The undo token it returns lifts just this act, for UndoLife; it is "" if the act
// may not be this person's alone: one of that kind stood before, or any change to the list came while this one was made.
// Requires: t came from Verify, or from where VerifyMailbox pointed. Errors are the list's: nothing was recorded, try again.
func (d *Desk) Stop(ctx context.Context, t Token, by suppression.Source, at time.Time) (undo string, err error) {
	if t.Key == (suppression.Key{}) {
		return "", errNobody
	}
	row, keys := act(t)
	row.Source, row.At = by, at.UTC().Truncate(time.Second)
	before := d.list.Position()
	changes, stood := d.adds(keys, row)
	position, err := d.list.Apply(ctx, changes...)
	if err != nil {
		return "", fmt.Errorf("record opt-out: %w", err)
	}
	d.stopped(by, at)
	if stood || !alone(before, position) {
		return "", nil
	}
	return d.signer.sealUndo(ticket{keys: keys, reason: row.Reason, topic: row.Topic, position: position, issued: row.At}), nil
}

// alone tells whether the list took nothing between a reading at position before and the change that was given position. An
// undo speaks up to its act's position, so it would lift whatever had come between; whose that was, the list no longer knows.
func alone(before, position uint64) bool { return position == before+1 }

// act is what a token asks for: the row, and the keys it is added to. A topic row stays off the family key, since people
// use tagged addresses to tell lists apart.
func act(t Token) (suppression.Row, []suppression.Key) {
	row := suppression.Row{Reason: policy.UnsubscribeAll, Class: t.Class}
	keys := []suppression.Key{t.Key}
	switch {
	case t.Topic != "":
		row.Reason, row.Topic = policy.UnsubscribeTopic, t.Topic
	case t.Family != (suppression.Key{}):
		keys = append(keys, t.Family)
	}
	return row, keys
}

// adds are the changes that add row to the keys. A row that stands already is repeated with its own time and source: the list lets
// the latest addition win, and when and how a person first left is what has to be shown. stood tells whether one did, be it a
// moment ago: whoever holds a link, by a forwarded mail say, could otherwise stop, undo, and so bring back someone who had left.
// A token can only opt out.
func (d *Desk) adds(keys []suppression.Key, row suppression.Row) (changes []suppression.Change, stood bool) {
	for _, key := range keys {
		old, stands, err := d.standing(key, row)
		old.Position = 0 // the list gives a new one
		changes = append(changes, suppression.Change{Key: key, Op: suppression.Add, Row: old})
		// If the list cannot say what stood, the opt-out is still taken, but without the undo.
		stood = stood || err != nil || stands
	}
	return changes, stood
}

// Left tells whether what the token asks for stands already, for each address it names. It changes nothing.
// Errors are the list's. Cost: one or two reads.
func (d *Desk) Left(t Token) (bool, error) {
	row, keys := act(t)
	for _, key := range keys {
		if _, stands, err := d.standing(key, row); err != nil || !stands {
			return false, err
		}
	}
	return true, nil
}

// standing finds the live row of a key that has the reason and topic of row; if there is none, it is row itself.
func (d *Desk) standing(key suppression.Key, row suppression.Row) (suppression.Row, bool, error) {
	rows, err := d.list.Rows(nil, key)
	if err != nil {
		return row, false, err
	}
	i := slices.IndexFunc(rows, func(old suppression.Row) bool { return sameKind(old, row) })
	if i < 0 {
		return row, false, nil
	}
	return rows[i], true, nil
}

func sameKind(a, b suppression.Row) bool { return a.Reason == b.Reason && a.Topic == b.Topic }

// Undo lifts the act that the undo token was issued for: its reason and topic, up to its position. Twice is once.
// Errors: ErrMalformed, ErrForged, ErrExpired; ErrStands if an opt-out of the same kind stands that is not this act; else the
// list's: try again.
func (d *Desk) Undo(ctx context.Context, undo string, at time.Time) error {
	k, err := d.signer.openUndo(undo)
	switch {
	case err != nil:
		return err
	case at.Sub(k.issued) > d.life:
		return ErrExpired
	}
	if _, err := d.list.Apply(ctx, lifts(k)...); err != nil {
		return fmt.Errorf("record undo: %w", err)
	}
	return d.lifted(k)
}

func lifts(k ticket) []suppression.Change {
	changes := make([]suppression.Change, len(k.keys))
	for i, key := range k.keys {
		changes[i] = lift(key, suppression.Row{Reason: k.reason, Topic: k.topic}, k.position)
	}
	return changes
}

func lift(key suppression.Key, row suppression.Row, observed uint64) suppression.Change {
	return suppression.Change{Key: key, Op: suppression.Lift, Row: row, Observed: observed}
}

// lifted reads the list again, so that "undone" is never said to someone who left a second time.
func (d *Desk) lifted(k ticket) error {
	for _, key := range k.keys {
		_, stands, err := d.standing(key, suppression.Row{Reason: k.reason, Topic: k.topic})
		switch {
		case err != nil:
			return fmt.Errorf("read back undo: %w", err)
		case stands:
			return ErrStands
		}
	}
	return nil
}
