package suppression

import (
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"heed/suppression/internal/store"
)

// gateShards spreads the keys over locks; a power of two.
const gateShards = 64

// gate knows the hand-offs under way, so that Apply can wait for those that may have checked before its commit.
// Tickets order them: each hand-off takes the next one under the lock of its key's shard.
type gate struct {
	tickets atomic.Uint64 // the last one given out
	shards  [gateShards]gateShard
}

type gateShard struct {
	mu struct {
		sync.Mutex
		keys map[Key]*handoffs
	}
}

// handoffs are those under way to one key; never none.
type handoffs struct {
	open    []announced   // Invariant: in rising order of tickets
	changed chan struct{} // closed when one begins or ends and somebody waits; nil if nobody does
}

// announced is a hand-off that has passed or may yet pass its check.
type announced struct {
	ticket uint64
	begun  bool // its first byte is out
}

func (g *gate) init() {
	for i := range g.shards {
		g.shards[i].mu.keys = map[Key]*handoffs{}
	}
}

// shard uses the key's last bytes: it is a digest, so all bytes are alike.
func (g *gate) shard(key *Key) *gateShard {
	return &g.shards[binary.LittleEndian.Uint64(key[8:])%gateShards]
}

// Handoff is a hand-off that Admit has let through. Its methods may be called more than once and from any goroutine.
type Handoff struct {
	list    *List
	keys    []Key
	tickets []uint64
	end     sync.Once
}

// Began tells that the first byte of the message's transaction has been written: the hand-off can no longer be taken back, and
// an opt-out waits for it no longer than Options.HandoffWait.
func (h *Handoff) Began() {
	for i := range h.keys {
		h.list.gate.began(&h.keys[i], h.tickets[i])
	}
}

// End tells that the transaction is over, whatever its outcome, or was given up before it began.
func (h *Handoff) End() {
	h.end.Do(func() {
		for i := range h.keys {
			h.list.gate.end(&h.keys[i], h.tickets[i])
		}
	})
}

// announce tells that a hand-off to the address with these keys is about to be checked.
func (l *List) announce(keys []Key) *Handoff {
	h := &Handoff{list: l, keys: slices.Clone(keys), tickets: make([]uint64, len(keys))}
	for i := range h.keys {
		h.tickets[i] = l.gate.announce(&h.keys[i])
	}
	return h
}

func (g *gate) announce(key *Key) (ticket uint64) {
	s := g.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.mu.keys[*key]
	if h == nil {
		h = &handoffs{}
		s.mu.keys[*key] = h
	}
	ticket = g.tickets.Add(1)
	h.open = append(h.open, announced{ticket: ticket})
	return ticket
}

func (g *gate) began(key *Key, ticket uint64) {
	g.change(key, ticket, func(h *handoffs, i int) { h.open[i].begun = true })
}

func (g *gate) end(key *Key, ticket uint64) {
	g.change(key, ticket, func(h *handoffs, i int) { h.open = slices.Delete(h.open, i, i+1) })
}

// change changes the hand-off with a ticket, if it is still there, and wakes those who wait for its key.
func (g *gate) change(key *Key, ticket uint64, do func(h *handoffs, i int)) {
	s := g.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.mu.keys[*key]
	if h == nil {
		return
	}
	i := slices.IndexFunc(h.open, func(a announced) bool { return a.ticket == ticket })
	if i < 0 {
		return
	}
	do(h, i)
	if len(h.open) == 0 {
		delete(s.mu.keys, *key)
	}
	if h.changed != nil {
		close(h.changed)
		h.changed = nil
	}
}

// pending returns a channel that is closed when something changes for key, nil if no hand-off up to the ticket is left; and
// whether all that are left have begun.
func (g *gate) pending(key *Key, ticket uint64) (changed <-chan struct{}, begun bool) {
	s := g.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.mu.keys[*key]
	if h == nil || h.open[0].ticket > ticket {
		return nil, true
	}
	if h.changed == nil {
		h.changed = make(chan struct{})
	}
	begun = true
	for _, a := range h.open {
		begun = begun && (a.begun || a.ticket > ticket)
	}
	return h.changed, begun
}

// ErrHandoff: the changes are durable and in force, but a hand-off that was checked before them has not begun in time and may
// begin yet. No success may be told; the same call again will find it begun or gone.
var ErrHandoff = errors.New("suppression: recorded, but a hand-off checked before has not begun yet; try again")

// beginWait bounds the wait for a hand-off that has passed its check to write its first byte. Between the two lie a few
// instructions and one write to a connection that has just answered, so this long means a process out of breath.
const beginWait = 15 * time.Second

// wait returns when each hand-off to an added key that was announced before wait was called has ended, or has begun and
// is still not over after limit. ErrHandoff if one of them does not begin.
func (g *gate) wait(changes []store.Change, limit time.Duration) error {
	w := waiter{gate: g, last: g.tickets.Load(), limit: limit}
	for i := range changes {
		c := &changes[i]
		if c.Entry.Added == 0 {
			continue
		}
		if err := w.forKey(&c.Key); err != nil {
			return err
		}
	}
	return nil
}

// waiter is one Apply's wait. Its timers start when there is something to wait for, and serve for all keys.
type waiter struct {
	gate       *gate
	last       uint64 // ticket of the last hand-off that matters
	limit      time.Duration
	soft, hard <-chan time.Time // for those that have begun; for those that have not
	patient    bool             // the soft limit has passed
}

func (w *waiter) forKey(key *Key) error {
	for {
		changed, begun := w.gate.pending(key, w.last)
		if changed == nil || begun && (w.patient || w.limit < 0) {
			return nil
		}
		if w.hard == nil {
			w.soft, w.hard = time.After(w.limit), time.After(max(w.limit, beginWait))
		}
		select {
		case <-changed:
		case <-w.soft:
			w.patient, w.soft = true, nil
		case <-w.hard:
			return ErrHandoff
		}
	}
}

// Admit is the check right before a hand-off to the address with these keys (exact and family). It announces the hand-off,
// then looks for rows; decide is called with all of them if there are any, and says by an error that the message must not go.
// Only if err is nil may the caller hand the message over: it calls Began once the first byte is written and End
// when the transaction is over. After any error, the list's own included, nothing is announced and nothing may be sent.
//
// Exactly this is promised. Let an Apply that adds to one of the keys return nil:
//
//   - A hand-off announced after the commit finds the row when it checks.
//   - A hand-off announced before has ended; or it has begun, and was not over after Options.HandoffWait. It does not
//     begin after Apply has returned, however slow the machine: Apply waits for that, or returns ErrHandoff.
//
// Why Apply does not wait for every end: one peer that hangs in mid-transaction would hang the answer to the recipient's click.
func (l *List) Admit(keys []Key, decide func(rows []Row) error) (h *Handoff, err error) {
	announced := l.announce(keys)
	defer func() {
		if h == nil {
			announced.End()
		}
	}()
	rows, err := l.rowsOf(keys)
	if err != nil {
		return nil, err
	}
	if len(rows) > 0 {
		if err := decide(rows); err != nil {
			return nil, err
		}
	}
	return announced, nil
}

// rowsOf reads the rows of those keys that the filter does not rule out.
func (l *List) rowsOf(keys []Key) (rows []Row, err error) {
	if err := l.store.Failed(); err != nil {
		return nil, err
	}
	f := l.ready.Load()
	for _, key := range keys {
		if f != nil && !f.Test(key) {
			continue
		}
		if rows, err = l.Rows(rows, key); err != nil {
			return nil, err
		}
	}
	return rows, nil
}
