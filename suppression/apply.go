package suppression

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"heed/suppression/internal/store"
)

// MaxChanges is the largest number of changes one Apply takes. The more, the faster an import: each Apply costs an fsync.
const MaxChanges = 1 << 14

// Apply makes the changes durable, all or none, and in force: when it returns nil, they are on stable storage, every
// later check sees them, and every hand-off to an added key that had passed its check before has ended, or has begun and
// outlived Options.HandoffWait (P1; see Admit).
// It returns the position given to the changes, one for all of them; without any effect to store, the latest position.
//
// ctx counts only until the changes are queued; from then on Apply waits for their fate. Concurrent calls share one fsync.
// Errors: ErrChange, ctx's own, ErrDead, ErrHandoff. After ErrDead the changes may or may not survive the restart.
func (l *List) Apply(ctx context.Context, changes ...Change) (uint64, error) {
	p, err := l.propose(changes)
	if err != nil {
		return 0, fmt.Errorf("change suppression list: %w", err)
	}
	if len(p.changes) == 0 {
		return l.Position(), l.store.Failed()
	}
	r, err := l.queue.enter(ctx, p)
	if err != nil {
		return 0, err
	}
	if r == lead || <-p.turn == lead {
		l.commitGroup()
	}
	if p.err != nil {
		return 0, fmt.Errorf("change suppression list: %w", p.err)
	}
	if err := l.gate.wait(p.changes, l.o.HandoffWait); err != nil {
		return p.position, err
	}
	return p.position, nil
}

// propose turns changes into what the store keeps, leaving out lifts that have observed nothing.
func (l *List) propose(changes []Change) (*proposal, error) {
	if len(changes) > MaxChanges {
		return nil, fmt.Errorf("%w: %d changes at once, at most %d", ErrChange, len(changes), MaxChanges)
	}
	p := &proposal{changes: make([]store.Change, 0, len(changes)), turn: make(chan role, 1)}
	latest := l.Position()
	for i := range changes {
		e, err := changes[i].entry(latest)
		if err != nil {
			return nil, err
		}
		if changes[i].Op == Add || e.Lifted > 0 {
			p.changes = append(p.changes, store.Change{Key: changes[i].Key, Entry: e})
		}
	}
	// Neighbours in the store are cheap to insert one after the other; the order means nothing.
	slices.SortFunc(p.changes, func(a, b store.Change) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	return p, nil
}

// isAdd tells additions from lifts before they have a position.
func isAdd(c *store.Change) bool { return c.Entry.Lifted == 0 }

// commitGroup is the leader's work: one synced write for all who wait, then their answers.
func (l *List) commitGroup() {
	l.commit.Lock()
	group := l.queue.take()
	changes := l.write(group)
	l.commit.Unlock()
	l.queue.resign()
	for _, p := range group {
		p.turn <- follow // never blocks: it has room for one role, and the leader has taken its own out
	}
	l.changed(changes)
}

// write gives positions and adds keys to the filters before they are durable, so that no check can fall between.
// Requires: commit is locked.
func (l *List) write(group []*proposal) (changes int) {
	position := l.position.Load()
	records := make([]store.Record, len(group))
	for i, p := range group {
		position++
		p.position = position
		l.place(p)
		records[i] = store.Record{Position: position, Changes: p.changes}
		changes += len(p.changes)
	}
	if err := l.store.Commit(records); err != nil {
		for _, p := range group {
			p.err = err
		}
		return 0
	}
	l.position.Store(position)
	return changes
}

// place gives additions their position and makes them known to the filters.
func (l *List) place(p *proposal) {
	ready, next := l.ready.Load(), l.commit.next
	for i := range p.changes {
		c := &p.changes[i]
		if !isAdd(c) {
			continue
		}
		c.Entry.Place(p.position)
		if ready != nil {
			ready.Add(c.Key)
		}
		if next != nil {
			next.Add(c.Key)
		}
	}
}
