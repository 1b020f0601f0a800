// Package queue is the durable queue of accepted recipients, on Pebble. It knows bytes, not messages: packed
// segments in, leases out, results in synced groups.
//
// # What it promises
//
// Append and Stage.Commit return nil when the whole batch is on stable storage, in one synced write; before that nothing of the
// batch can be leased or asked for, and after a crash it is there whole or not at all. Every accepted recipient ends in exactly one final
// state: a recipient is in at most one hand at a time, a result is taken only for a recipient in that hand, and a final state is never
// left. Results handed in with Record are on stable storage at most Options.ResultDelay and one synced write later. Leases live in
// memory alone: what was in hand when the process died is leased again, so a recipient can be tried twice only if the process died
// between the try and its result's sync.
//
// The first write that fails ends everything: Options.Trouble is told once, Append, Lease and Record answer the same error from
// then on, and so nothing is sent whose result could not be kept. Only a new process goes on. A failure on one of Pebble's own
// goroutines panics with a clear text instead, after Trouble has been told.
//
// It does not promise an order of delivery beyond the one package ready describes, and it does not keep payloads in memory: they are read at lease time.
//
// # What lies where
//
// One Pebble store holds these spaces. seg is a number that grows with every segment; times are seconds in 8 bytes; all numbers big-endian.
//
//	B id 'h'           batch    tenant, created, opaque head; its presence is what publishes a batch
//	B id 'k'                    counts of the batch's finished segments
//	B id 'c'                    control, absent while Running
//	B id 'x' first              where the segment that begins at index first lies: seg, count
//	S seg              payload  as it was handed in
//	H seg              header   of a live segment: batch, first, count, initial states, lane, priority, due, expires
//	R seg n            results  group n of a live segment: (index, state, at, attempt, code, detail, provider id, retry at)...
//	O seg              outcome  of a finished segment: initial states and all its results; takes the place of H and R
//	F time id          finished batches in the order in which retention ends
//	G id               stages   not committed: what Open clears away
//	P space 0 key      records  expires, value
//	E time P-key       expiries of records
//	M name             marks    low-water keys of H and R, F, E: scans start there, past what was deleted before
//
//	 Append ─▶ B S H ──┐                ┌─▶ R n      while some recipients are open
//	 Stage  ─▶ S H ─ B ┴▶ Lease ─ Record ┤
//	                                    └─▶ O, −H −R  with the last of them; F with the batch's last segment
//	                                        └─▶ retention: B, S and O of neighbours fall in one range
//
// Open reads H and R alone, from the low-water mark on, never the payloads. Retries have no space of their own: their time is part of the
// result in R, and memory keeps 16 bytes for each (decisions/0010). A batch stays whole, with all that became of it, until Options.Retention
// after its last recipient became final; then it is dropped in ranges, and no scan ever walks over what was dropped.
//
// # Memory
//
// A live segment with a batch of its own costs about 800 bytes, 300 of them the segment's; once some of it was leased or decided at acceptance a
// byte a recipient more; a retry 16 bytes more. 10 million queued recipients in 10,000 batches of 1,000 hold 8 MB (measured), or 18 MB when every
// segment has been touched.
//
// Everything here may be called from many goroutines, except Stage, which is for one.
//
// Sources: ../shared/architecture.md P2 and P3; RFC 1047 for why the window of duplicates cannot be closed; Pebble's docs and commit.go
// for what a synced commit covers.
package queue

import (
	"errors"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"heed/gateway/internal/queue/ready"
)

// State of a recipient. The numbers are stored on disk: never renumber.
type State uint8

const (
	Queued     State = 1 // accepted, waiting or in hand
	Retrying   State = 2 // a temporary failure; waits for its next try
	Sent       State = 3 // final: the provider took it
	Suppressed State = 4 // final
	Failed     State = 5 // final
	Expired    State = 6 // final
	Cancelled  State = 7 // final
	Invalid    State = 8 // final, never accepted
	Duplicate  State = 9 // final, never accepted
	states           = 10
)

var stateNames = [states]string{Queued: "queued", Retrying: "retrying", Sent: "sent", Suppressed: "suppressed", Failed: "failed",
	Expired: "expired", Cancelled: "cancelled", Invalid: "invalid", Duplicate: "duplicate"}

// String is the state's name as it stands in the API, "" for a number that is none.
func (s State) String() string {
	if s < states {
		return stateNames[s]
	}
	return ""
}

// ParseState reads what String writes.
func ParseState(s string) (State, bool) {
	for i, name := range stateNames {
		if name == s && s != "" {
			return State(i), true
		}
	}
	return 0, false
}

// Final reports whether nothing more becomes of a recipient in this state.
func (s State) Final() bool { return s >= Sent }

// Counts holds a number per State.
type Counts [states]uint64

// ID names a batch.
type ID = [16]byte

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

// What the queue's methods answer. Any other error is a failure of the disk, and final (see the package comment).
var (
	ErrNotFound = errors.New("queue: not found")
	ErrClosed   = errors.New("queue: closed")
	ErrExists   = errors.New("queue: batch exists")
	ErrStopped  = errors.New("queue: a cancelled batch cannot be resumed")
	ErrFull     = errors.New("queue: disk nearly full, free space or wait for retention")
	ErrMisuse   = errors.New("queue: misuse") // a bug of the caller; nothing was changed
)

// Options of Open. Zero values mean the defaults named here.
type Options struct {
	FS          vfs.FS           // nil: the operating system's, with disk-health checks
	Now         func() time.Time // nil: time.Now
	ResultDelay time.Duration    // longest wait of a result for its group's sync; default 10ms
	Retention   time.Duration    // how long finished batches can be asked for; default 7 days
	CacheBytes  int64            // of blocks read, outside Go's heap; default 64 MiB
	MinFree     uint64           // bytes of free disk below which Append and Stage answer ErrFull; default 0: never. Record and Put go on
	Trouble     func(error)      // called once, when the store can no longer write; must not block
}

func (o *Options) setDefaults() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.ResultDelay <= 0 {
		o.ResultDelay = 10 * time.Millisecond
	}
	if o.Retention <= 0 {
		o.Retention = 7 * 24 * time.Hour
	}
	if o.CacheBytes <= 0 {
		o.CacheBytes = 64 << 20
	}
}

// Queue is an open queue.
type Queue struct {
	o     Options
	store *store
	life  struct {
		sync.RWMutex // held for reading while a call uses the store; never taken with mu held
		closed       bool
	}
	controlling sync.Mutex    // one SetControl at a time, so that disk and memory agree; taken before mu
	recording   sync.RWMutex  // held for reading while records are written, for writing while the sweeper drops what it found expired
	flushing    chan struct{} // holds a token while results are being written; taken before mu
	first       chan struct{} // tells Run that results have begun to wait
	urgent      chan struct{} // tells Run that many do
	sooner      chan struct{} // tells Run that something is due before what it sleeps for
	swept       marks         // of the sweeper alone

	mu struct {
		sync.Mutex
		closed   bool
		index    *ready.Index
		lanes    map[string]*lane
		batches  map[ID]*batch       // the live ones
		making   map[ID]bool         // being written
		segments map[uint64]*segment // live ones; nil while being written
		next     uint64              // number of the next segment
		low      uint64              // Invariant: no key of segments is smaller
		dirty    []*segment          // those with pending results
		waiting  int                 // bytes of results not yet durable
		alarm    int64               // what Run sleeps for
	}
}

// lane is what memory holds of a lane.
type lane struct {
	work   *sync.Cond // on Queue.mu; signalled once for each entry that becomes ready
	counts Counts     // of its live segments; only open states are kept up
}

// lane returns a lane by name. Requires: mu is held.
func (q *Queue) lane(name string) *lane {
	l := q.mu.lanes[name]
	if l == nil {
		l = &lane{work: sync.NewCond(&q.mu)}
		q.mu.lanes[name] = l
	}
	return l
}

// now is the time in milliseconds.
func (q *Queue) now() int64 { return q.o.Now().UnixMilli() }

// enter begins a call that reads the store; exit ends it.
func (q *Queue) enter() error {
	q.life.RLock()
	if q.life.closed {
		q.life.RUnlock()
		return ErrClosed
	}
	return nil
}

func (q *Queue) exit() { q.life.RUnlock() }

// enterWrite begins a call that is of no use once the store has failed.
func (q *Queue) enterWrite() error {
	if err := q.enter(); err != nil {
		return err
	}
	if err := q.store.failed(); err != nil {
		q.exit()
		return err
	}
	return nil
}

// file says in the index from when on a segment has work. Requires: mu is held.
func (q *Queue) file(s *segment, now int64) {
	when, ok := s.workAt()
	if !ok || s.batch.control == Paused {
		q.mu.index.Drop(&s.Entry)
		return
	}
	if q.mu.index.Put(&s.Entry, when, now) {
		q.lane(s.Lane).work.Signal()
	} else if when < q.mu.alarm {
		notify(q.sooner)
	}
}

// advance makes ready what has become due. Requires: mu is held.
func (q *Queue) advance(now int64) {
	q.mu.index.Advance(now, func(lane string) { q.lane(lane).work.Signal() })
}

// notify leaves a word in a channel of one place.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// FreeBytes is what is left on the queue's volume; the largest number where the file system cannot tell.
func (q *Queue) FreeBytes() (uint64, error) { return q.store.free() }
