package suppression

import (
	"encoding/binary"
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
	tickets []uint64      // Invariant: in rising order
	ended   chan struct{} // closed when one ends and somebody waits; nil if nobody does
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

// BeginHandoff announces a hand-off to the address with these keys (exact and family). From now until end is called, an Apply
// that adds to one of the keys waits for it, at most Options.HandoffWait. end may be called more than once.
// Requires: the caller checks Rows after BeginHandoff has returned and before the first byte of the message's transaction,
// and calls end as soon as the transaction is over or was given up. Admit does the first half.
//
// Exactly this is promised. Let an Apply that adds to a key return nil:
//
//   - A hand-off to that key announced after the commit finds the row when it checks.
//   - A hand-off announced before has ended, if it ended within HandoffWait of the commit.
//   - A hand-off announced before that took longer than HandoffWait is still under way. It may have passed its check before
//     the commit and send its first byte only now. So the caller must bound the time from BeginHandoff to the
//     first byte well below HandoffWait (have the connection in hand before, set a deadline on it); then
//     every hand-off that Apply gave up on began before Apply returned, and P1 holds without exception.
//
// Why Apply does not wait for ever: one peer that hangs in mid-transaction would hang the answer to the recipient's click.
func (l *List) BeginHandoff(keys ...Key) (end func()) {
	keys = slices.Clone(keys)
	tickets := make([]uint64, len(keys))
	for i := range keys {
		tickets[i] = l.gate.begin(&keys[i])
	}
	return sync.OnceFunc(func() {
		for i := range keys {
			l.gate.end(&keys[i], tickets[i])
		}
	})
}

func (g *gate) begin(key *Key) (ticket uint64) {
	s := g.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.mu.keys[*key]
	if h == nil {
		h = &handoffs{}
		s.mu.keys[*key] = h
	}
	ticket = g.tickets.Add(1)
	h.tickets = append(h.tickets, ticket)
	return ticket
}

func (g *gate) end(key *Key, ticket uint64) {
	s := g.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.mu.keys[*key]
	i := slices.Index(h.tickets, ticket)
	h.tickets = slices.Delete(h.tickets, i, i+1)
	if len(h.tickets) == 0 {
		delete(s.mu.keys, *key)
	}
	if h.ended != nil {
		close(h.ended)
		h.ended = nil
	}
}

// pending returns a channel that is closed when a hand-off to key ends, or nil if none up to the ticket is left.
func (g *gate) pending(key *Key, ticket uint64) <-chan struct{} {
	s := g.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.mu.keys[*key]
	if h == nil || h.tickets[0] > ticket {
		return nil
	}
	if h.ended == nil {
		h.ended = make(chan struct{})
	}
	return h.ended
}

// wait returns when each hand-off to an added key that had begun before wait was called has ended, or after limit.
func (g *gate) wait(changes []store.Change, limit time.Duration) {
	if limit < 0 {
		return
	}
	last := g.tickets.Load()
	var timeout <-chan time.Time
	for i := range changes {
		c := &changes[i]
		if c.Entry.Added == 0 {
			continue
		}
		for ended := g.pending(&c.Key, last); ended != nil; ended = g.pending(&c.Key, last) {
			if timeout == nil {
				timeout = time.After(limit)
			}
			select {
			case <-ended:
			case <-timeout:
				return
			}
		}
	}
}

// Admit is the check right before a hand-off to the address with these keys. It announces the hand-off, then looks for rows;
// decide is called with all of them if there are any, and says by an error that the message must not go. Only
// if err is nil may the caller hand the message over; it must then call end, as with BeginHandoff. After any error,
// the list's own included, the hand-off is not announced any more and end is nil: nothing may be sent.
func (l *List) Admit(keys []Key, decide func(rows []Row) error) (end func(), err error) {
	finish := l.BeginHandoff(keys...)
	defer func() {
		if end == nil {
			finish()
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
	return finish, nil
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
