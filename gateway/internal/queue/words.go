package queue

import (
	"errors"

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
	Segment = format.Segment // a run of recipients of one batch that travel alike
	Batch   = format.Batch   // what is accepted in one go
	Record  = format.Record  // a small named value kept beside the queue
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

// What the queue's methods answer. Any other error is a failure of the disk, and final (see the package comment).
var (
	ErrNotFound = errors.New("queue: not found")
	ErrClosed   = errors.New("queue: closed")
	ErrExists   = errors.New("queue: batch exists")
	ErrStopped  = errors.New("queue: a cancelled batch cannot be resumed")
	ErrFull     = errors.New("queue: disk nearly full, free space or wait for retention")
	ErrMisuse   = format.ErrMisuse // a bug of the caller; nothing was changed
)
