// Package ready decides what is handed out next: a plain, single-threaded scheduler over entries, each standing for
// one segment that has work now or will have it later.
//
// The order is: within a lane the lowest priority number first, strictly; within a priority the tenants in turn; within
// a tenant its batches in turn; within a batch the entry that is due first, ties by Order. An entry that is not due
// waits in one heap by time, whatever its lane.
//
// The package knows no clock and takes no lock: the caller says what time it is and guards an Index with its own mutex.
// Put, Drop and Next cost O(log n) in the number of entries of one batch (or of waiting entries); memory is one
// pointer an entry, and a few hundred bytes per tenant and batch that has work.
package ready

import (
	"container/heap"
	"container/list"
)

// Entry is one thing that can be handed out. Its exported fields must not change while it is in an Index.
type Entry struct {
	Lane     string
	Tenant   string
	Batch    [16]byte
	Priority uint8  // 0 goes first
	Order    uint64 // breaks ties of time

	when int64 // the time from which it has work
	home *line // its line once it is ready; nil while it waits
	held bool  // Invariant: true exactly while an Index holds it
	at   int   // its position in the heap that holds it
}

// Index holds entries. The zero Index is not ready for use: call New.
type Index struct {
	lanes   map[string]*lane
	waiting byTime
}

// New returns an empty Index.
func New() *Index { return &Index{lanes: map[string]*lane{}} }

// Put files e as having work from when on (any unit, as long as it is always the same), replacing what was said of it
// before. It reports whether e is ready now.
func (x *Index) Put(e *Entry, when, now int64) bool {
	x.Drop(e)
	e.when, e.held = when, true
	if when > now {
		heap.Push(&x.waiting, e)
		return false
	}
	x.admit(e)
	return true
}

// Drop takes e out. An entry that is not in the index stays as it is.
func (x *Index) Drop(e *Entry) {
	if !e.held {
		return
	}
	e.held = false
	if e.home == nil {
		heap.Remove(&x.waiting, e.at)
		return
	}
	line := e.home
	e.home = nil
	heap.Remove(&line.entries, e.at)
	if len(line.entries) == 0 {
		x.remove(line)
	}
}

// Next returns the entry of a lane whose turn it is, or nil if none is ready. The entry stays in the index, and the turn passes
// to the next tenant and to that tenant's next batch.
func (x *Index) Next(laneName string) *Entry {
	l := x.lanes[laneName]
	if l == nil {
		return nil
	}
	level := l.levels[0]
	t := level.turn.Front().Value.(*tenant)
	ln := t.turn.Front().Value.(*line)
	level.turn.MoveToBack(t.at)
	t.turn.MoveToBack(ln.at)
	return ln.entries[0]
}

// Ready reports whether a lane has an entry that can be handed out.
func (x *Index) Ready(lane string) bool { return x.lanes[lane] != nil }

// Advance makes ready what has become due by now and calls woke with the lane of each such entry.
func (x *Index) Advance(now int64, woke func(lane string)) {
	for len(x.waiting) > 0 && x.waiting[0].when <= now {
		e := heap.Pop(&x.waiting).(*Entry)
		x.admit(e)
		woke(e.Lane)
	}
}

// Wake returns the time at which the next waiting entry becomes due; ok is false if none waits.
func (x *Index) Wake() (when int64, ok bool) {
	if len(x.waiting) == 0 {
		return 0, false
	}
	return x.waiting[0].when, true
}

// admit puts a due entry into its line.
func (x *Index) admit(e *Entry) {
	l := x.lanes[e.Lane]
	if l == nil {
		l = &lane{name: e.Lane}
		x.lanes[e.Lane] = l
	}
	e.home = l.level(e.Priority).tenant(e.Tenant).line(e.Batch)
	heap.Push(&e.home.entries, e)
}

// remove takes an emptied line out, and whatever it leaves empty above it.
func (x *Index) remove(ln *line) {
	t := ln.tenant
	t.turn.Remove(ln.at)
	delete(t.lines, ln.batch)
	if len(t.lines) > 0 {
		return
	}
	lv := t.level
	lv.turn.Remove(t.at)
	delete(lv.tenants, t.name)
	if len(lv.tenants) > 0 {
		return
	}
	l := lv.lane
	l.removeLevel(lv)
	if len(l.levels) == 0 {
		delete(x.lanes, l.name)
	}
}

// lane holds the levels that have work, lowest priority number first. Invariant: neither a lane, a level, a tenant nor a line
// that is in the index is empty.
type lane struct {
	name   string
	levels []*level
}

func (l *lane) level(priority uint8) *level {
	i := 0
	for i < len(l.levels) && l.levels[i].priority < priority {
		i++
	}
	if i < len(l.levels) && l.levels[i].priority == priority {
		return l.levels[i]
	}
	lv := &level{lane: l, priority: priority, tenants: map[string]*tenant{}}
	l.levels = append(l.levels, nil)
	copy(l.levels[i+1:], l.levels[i:])
	l.levels[i] = lv
	return lv
}

func (l *lane) removeLevel(lv *level) {
	for i, other := range l.levels {
		if other == lv {
			l.levels = append(l.levels[:i], l.levels[i+1:]...)
			return
		}
	}
}

// level is one priority of a lane: tenants that take turns.
type level struct {
	lane     *lane
	priority uint8
	tenants  map[string]*tenant
	turn     list.List // of *tenant; the front is next
}

func (lv *level) tenant(name string) *tenant {
	t := lv.tenants[name]
	if t == nil {
		t = &tenant{level: lv, name: name, lines: map[[16]byte]*line{}}
		t.at = lv.turn.PushBack(t)
		lv.tenants[name] = t
	}
	return t
}

// tenant is one tenant of a level: batches that take turns.
type tenant struct {
	level *level
	name  string
	at    *list.Element
	lines map[[16]byte]*line
	turn  list.List // of *line; the front is next
}

func (t *tenant) line(batch [16]byte) *line {
	ln := t.lines[batch]
	if ln == nil {
		ln = &line{tenant: t, batch: batch}
		ln.at = t.turn.PushBack(ln)
		t.lines[batch] = ln
	}
	return ln
}

// line holds the ready entries of one batch in order of time.
type line struct {
	tenant  *tenant
	batch   [16]byte
	at      *list.Element
	entries byTime
}

// byTime is a heap of entries, the one due first on top.
type byTime []*Entry

func (h byTime) Len() int { return len(h) }
func (h byTime) Less(i, j int) bool {
	if h[i].when != h[j].when {
		return h[i].when < h[j].when
	}
	return h[i].Order < h[j].Order
}
func (h byTime) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

// Push and Pop are for container/heap alone.
func (h *byTime) Push(e any) {
	e.(*Entry).at = len(*h)
	*h = append(*h, e.(*Entry))
}

func (h *byTime) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return e
}
