// Package intake takes batches in: normalises and keys each recipient, asks the list and the policy, answers per recipient, and queues
// what was accepted in one synced write.
package intake

import (
	"context"
	"net/http"

	"heed/gateway/internal/batchjson"
	"heed/gateway/internal/keys"
)

// Call is how a batch was handed in.
type Call struct {
	Principal keys.Principal
	DryRun    bool
	Strict    bool   // validation=strict: any recipient that is not accepted (suppressed excepted) refuses the whole call
	Results   string // "" (what was not accepted), "all", "none"
	// Idempotency is nil without an Idempotency-Key.
	Idempotency *Idempotency
}

// Idempotency ties a call to its key and to the digest of its body.
type Idempotency struct {
	Key    string
	Digest [32]byte
}

// Fault is a refused call: it becomes a problem+json.
type Fault struct {
	Status  int    // HTTP status
	Code    string // stable snake_case
	Detail  string // what to change
	Pointer string // RFC 6901, "" if the whole body
}

func (f *Fault) Error() string { return f.Code + ": " + f.Detail }

var _ = http.StatusAccepted

// Answer is the body of the 202 (200 for a dry run), already encoded.
type Answer struct {
	Status int
	Body   []byte
	Replay bool // the recorded answer of an earlier call
}

type Intake struct{}

// Replay answers a call whose idempotency key is known: the recorded answer; a 422 Fault if the body differs; a 409 Fault while the first
// is still running; nil, nil if the key is new, and then done must be called when the call has ended.
func (in *Intake) Replay(c Call) (a *Answer, done func(), err error) { panic("contract") }

// Accept takes a whole batch. Errors are *Fault, or the cause of a 503.
func (in *Intake) Accept(ctx context.Context, c Call, s *batchjson.Shared, r []batchjson.Recipient) (*Answer, error) {
	panic("contract")
}

// AcceptOne takes POST /v1/messages: {"id":"msg_…","batch_id":"bat_…","status":"accepted"} or the recipient's result.
func (in *Intake) AcceptOne(ctx context.Context, c Call, s *batchjson.Shared, r batchjson.Recipient) (*Answer, error) {
	panic("contract")
}

// Open begins a batch whose recipients come in chunks (NDJSON), in bounded memory.
func (in *Intake) Open(ctx context.Context, c Call, s *batchjson.Shared) (*Stream, error) {
	panic("contract")
}

// Stream is a batch in the making. For one goroutine.
type Stream struct{}

func (s *Stream) Add(r []batchjson.Recipient) error { panic("contract") } // r may be reused afterwards
func (s *Stream) Commit() (*Answer, error)          { panic("contract") }
func (s *Stream) Abort()                            { panic("contract") } // no-op after Commit
