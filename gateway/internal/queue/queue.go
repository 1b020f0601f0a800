// Package queue is the durable queue of accepted recipients, on Pebble. It knows bytes, not messages: packed
// segments in, leases out, results in synced groups.
package queue

import (
	"context"
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
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

func (s State) String() string          { panic("contract") }
func ParseState(s string) (State, bool) { panic("contract") }
func (s State) Final() bool             { return s >= Sent }

// Counts holds a number per State.
type Counts [states]uint64

// ID names a batch.
type ID = [16]byte

// Segment is a run of recipients of one batch that travel alike. The queue keeps Payload as it is.
type Segment struct {
	First    uint32  // index in the batch of the segment's first recipient
	Count    int     // recipients in Payload
	Initial  []State // nil: all Queued; else Count states, those decided at acceptance being final
	Lane     string  // leased by lane, such as "email" or "sms"
	Priority uint8   // 0 goes first
	Due      time.Time
	Expires  time.Time // zero: never
	Payload  []byte
}

// Batch is what is accepted in one go: all of it or nothing.
type Batch struct {
	ID       ID
	Tenant   string
	Head     []byte // opaque, kept as long as the batch
	Created  time.Time
	Segments []Segment
	Records  []Record // written in the same commit, such as an idempotency answer
}

// Record is a small named value kept beside the queue.
type Record struct {
	Space, Key string
	Value      []byte
	Expires    time.Time // zero: never
}

var (
	ErrNotFound = errors.New("queue: not found")
	ErrClosed   = errors.New("queue: closed")
	ErrExists   = errors.New("queue: batch exists")
)

type Options struct {
	FS          vfs.FS // nil: the operating system's, with disk-health checks
	Now         func() time.Time
	ResultDelay time.Duration // longest wait of a result for its group's sync; default 10ms
	Retention   time.Duration // how long finished recipients can be asked for
	CacheBytes  int64
	Trouble     func(error) // called when the store can no longer write; must not block
}

type Queue struct{}

func Open(dir string, o Options) (*Queue, error) { panic("contract") }

// Run writes results in groups, wakes what has become due and drops what is past retention, until ctx ends.
func (q *Queue) Run(ctx context.Context) error { panic("contract") }
func (q *Queue) Close() error                  { panic("contract") }

// Append makes a batch durable in one synced commit.
func (q *Queue) Append(b Batch) error { panic("contract") }

// Stage begins a batch whose segments arrive one by one; nothing of it can be leased before Commit.
func (q *Queue) Stage(b Batch) (*Stage, error) { panic("contract") }

// Stage is a batch in the making. For one goroutine.
type Stage struct{}

func (s *Stage) Append(seg Segment) error                    { panic("contract") }
func (s *Stage) Commit(head []byte, records ...Record) error { panic("contract") } // durable when it returns nil
func (s *Stage) Abort()                                      { panic("contract") }

// Lease is a run of recipients of one segment in one worker's hands.
type Lease struct {
	Batch     ID
	Tenant    string
	Segment   uint64 // the queue's own number of the segment
	First     uint32
	Expires   time.Time
	Cancelled bool   // the batch was cancelled: record Cancelled, send nothing
	Payload   []byte // the whole segment's payload; read-only, valid until the last item is recorded or released
	Items     []Item
}

type Item struct {
	Index   int // position in the segment
	Attempt int // tries recorded before this one
}

// Lease waits for work in a lane and hands out at most max recipients, by priority, then in turn between tenants.
func (q *Queue) Lease(ctx context.Context, lane string, max int) (*Lease, error) { panic("contract") }

// Release gives back items that were not tried.
func (q *Queue) Release(l *Lease, items ...Item) { panic("contract") }

// Result is what became of one item.
type Result struct {
	Index      int
	State      State // final, or Retrying with RetryAt
	Code       string
	Detail     string
	ProviderID string
	RetryAt    time.Time
}

// Record hands in results of a lease. It waits only while the buffer is full; they are durable within ResultDelay.
// After an error nothing more may be sent: results could not be kept.
func (q *Queue) Record(ctx context.Context, l *Lease, results ...Result) error { panic("contract") }

// Flush waits until every result handed in so far is durable.
func (q *Queue) Flush(ctx context.Context) error { panic("contract") }

type Control uint8

const (
	Running Control = 0
	Paused  Control = 1
	Stopped Control = 2 // cancelled
)

type Info struct {
	ID      ID
	Tenant  string
	Head    []byte
	Created time.Time
	Control Control
	Counts  Counts
}

func (q *Queue) Batch(id ID) (Info, error)         { panic("contract") }
func (q *Queue) SetControl(id ID, c Control) error { panic("contract") } // durable; Stopped cannot be undone

// Entry is one recipient as it stands.
type Entry struct {
	Index   uint32 // in the batch
	State   State
	Payload []byte // of its segment
	At      int    // position in Payload
	Last    Event  // the latest event
}

// Event is one line of a recipient's timeline.
type Event struct {
	At         time.Time
	State      State
	Attempt    int
	Code       string
	Detail     string
	ProviderID string
	RetryAt    time.Time
}

// Recipients lists a batch's recipients in a state (0 = all) from index `from` on, at most limit; next is where to go on, ok whether there is more.
func (q *Queue) Recipients(id ID, s State, from uint32, limit int) (list []Entry, next uint32, more bool, err error) {
	panic("contract")
}

// Timeline tells everything of one recipient, oldest first, its acceptance included.
func (q *Queue) Timeline(id ID, index uint32) (Entry, []Event, error) { panic("contract") }

// Depth tells how much waits, per lane.
func (q *Queue) Depth() map[string]Counts { panic("contract") }

// Put writes records in one synced commit. Get answers ErrNotFound for a missing or expired one.
func (q *Queue) Put(r ...Record) error                 { panic("contract") }
func (q *Queue) Get(space, key string) ([]byte, error) { panic("contract") }
func (q *Queue) Delete(space, key string) error        { panic("contract") }
func (q *Queue) List(space, after string, limit int) (keys []string, values [][]byte, err error) {
	panic("contract")
}
