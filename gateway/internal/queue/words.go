package queue

import (
	"errors"
	"time"

	"heed/gateway/internal/queue/format"
	"heed/gateway/internal/queue/live"
)

// The words that are stored on disk; package format says what each means.
type (
	ID      = format.ID      // names a batch
	State   = format.State   // of a recipient
	Counts  = format.Counts  // a number per State
	Control = format.Control // what an operator wants of a batch
	Event   = format.Event   // one line of a recipient's timeline
	Item    = live.Item      // one recipient of a lease
)

// The states; all from Sent on are final.
const (
	Queued     = format.Queued   // accepted, waiting or in hand
	Retrying   = format.Retrying // a temporary failure; waits for its next try
	Sent       = format.Sent     // the provider took it
	Suppressed = format.Suppressed
	Failed     = format.Failed
	Expired    = format.Expired
	Cancelled  = format.Cancelled
	Invalid    = format.Invalid   // never accepted
	Duplicate  = format.Duplicate // never accepted
)

// The controls.
const (
	Running = format.Running
	Paused  = format.Paused  // nothing of it is handed out, not even to expire
	Stopped = format.Stopped // cancelled: all that is open is handed out to be recorded as such
)

// ParseState reads a state's name as String writes it.
func ParseState(s string) (State, bool) { return format.ParseState(s) }

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
