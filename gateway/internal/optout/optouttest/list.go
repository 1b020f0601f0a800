// Package optouttest is a suppression list in memory, for tests of the ways to say stop. It follows suppression.List's words on
// merging (a row made again takes the newer position) and lifting, counts what reaches it and fails on demand. Safe for concurrent use.
package optouttest

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"heed/suppression"
)

// List is a suppression list in memory. The zero value is empty and ready.
type List struct {
	mu struct {
		sync.Mutex
		rows     map[suppression.Key][]suppression.Row
		position uint64
		applies  int
		reads    int
		fail     error
	}
}

// Fail makes every later call return err; nil ends it.
func (l *List) Fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.fail = err
}

// Calls tells how many calls reached the list: writes and reads.
func (l *List) Calls() (applies, reads int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.applies, l.mu.reads
}

// Apply makes the changes.
func (l *List) Apply(ctx context.Context, changes ...suppression.Change) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.applies++
	if err := cmp.Or(l.mu.fail, ctx.Err()); err != nil {
		return 0, err
	}
	if l.mu.rows == nil {
		l.mu.rows = map[suppression.Key][]suppression.Row{}
	}
	l.mu.position++
	for _, c := range changes {
		l.mu.rows[c.Key] = apply(l.mu.rows[c.Key], c, l.mu.position)
	}
	return l.mu.position, nil
}

func apply(rows []suppression.Row, c suppression.Change, position uint64) []suppression.Row {
	same := func(r suppression.Row) bool { return r.Reason == c.Row.Reason && r.Topic == c.Row.Topic }
	if c.Op == suppression.Lift {
		return slices.DeleteFunc(rows, func(r suppression.Row) bool { return same(r) && r.Position <= c.Observed })
	}
	if i := slices.IndexFunc(rows, same); i >= 0 {
		c.Row = stricter(c.Row, rows[i])
	}
	c.Row.Position = position
	return append(slices.DeleteFunc(rows, same), c.Row)
}

// stricter is a row made again: no later addition loosens one that stands.
func stricter(row, standing suppression.Row) suppression.Row {
	row.AllChannels = row.AllChannels || standing.AllChannels
	if row.Class != standing.Class {
		row.Class = 0
	}
	if standing.At.Truncate(24 * time.Hour).Before(row.At.Truncate(24 * time.Hour)) {
		row.At = standing.At
	}
	return row
}

// Rows appends the live rows of a key.
func (l *List) Rows(dst []suppression.Row, key suppression.Key) ([]suppression.Row, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.reads++
	return append(dst, l.mu.rows[key]...), l.mu.fail
}

// Position is that of the latest change.
func (l *List) Position() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.position
}
