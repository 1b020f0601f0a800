package intake

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"heed/gateway/internal/queue"
)

// Idempotency ties a call to its key and to the digest of its body.
type Idempotency struct {
	Key    string
	Digest [32]byte
}

const (
	idempotencySpace = "idem"
	idempotencyLife  = 24 * time.Hour
)

// running holds the idempotency keys of calls under way. They need no disk: a call that died with the process answered nobody, and
// what it may have queued stands with its record.
type running struct {
	mu   sync.Mutex
	keys map[string]bool
}

// start takes a key; false if a call with it is under way.
func (r *running) start(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys[key] {
		return false
	}
	r.keys[key] = true
	return true
}

func (r *running) end(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.keys, key)
}

func (c Call) idempotencyKey() string { return c.Principal.Tenant + "/" + c.Idempotency.Key }

// Replay answers a call whose idempotency key is known: the recorded answer; a 422 Fault if the body differs; a 409 Fault while the first
// is still running; nil, nil if the key is new, and then done must be called when the call has ended. done is never nil.
// Only what was queued is recorded: a dry run or a refused call does nothing that a repetition would do twice.
func (in *Intake) Replay(c Call) (a *Answer, done func(), err error) {
	done = func() {}
	if c.Idempotency == nil || c.DryRun {
		return nil, done, nil
	}
	key := c.idempotencyKey()
	if !in.running.start(key) {
		return nil, done, refuse("", "idempotency_in_progress", "the first call with this Idempotency-Key is still running: try again in a moment")
	}
	a, err = in.recorded(key, c.Idempotency.Digest) // after start: what a call recorded before it ended is seen
	if a == nil && err == nil {
		return nil, func() { in.running.end(key) }, nil
	}
	in.running.end(key)
	return a, done, err
}

// recorded is the recorded answer of a key, nil if it has none.
func (in *Intake) recorded(key string, digest [32]byte) (*Answer, error) {
	value, err := in.o.Queue.Get(idempotencySpace, key)
	if errors.Is(err, queue.ErrNotFound) {
		return nil, nil
	}
	var known [32]byte
	var a *Answer
	if err == nil {
		known, a, err = decodeRecord(value)
	}
	switch {
	case err != nil:
		return nil, unavailable("queue_unavailable", "earlier answers cannot be read: try again", fmt.Errorf("read idempotency record: %w", err))
	case known != digest:
		return nil, refuse("", "idempotency_key_reused", "this Idempotency-Key came with another body: use a new key for a new call")
	}
	return a, nil
}

// record is what to write with the batch, so that a repetition of the call gets a as its answer.
func (c Call) record(a *Answer, now time.Time) []queue.Record {
	if c.Idempotency == nil {
		return nil
	}
	return []queue.Record{{
		Space: idempotencySpace, Key: c.idempotencyKey(), Value: encodeRecord(c.Idempotency.Digest, a), Expires: now.Add(idempotencyLife),
	}}
}

// A record, version 1: version 1 byte | digest 32 bytes | status 2 bytes, little endian | body.
const (
	recordVersion = 1
	recordHead    = 1 + 32 + 2
)

var errRecord = errors.New("intake: damaged idempotency record")

func encodeRecord(digest [32]byte, a *Answer) []byte {
	b := make([]byte, 0, recordHead+len(a.Body))
	b = append(append(b, recordVersion), digest[:]...)
	b = binary.LittleEndian.AppendUint16(b, uint16(a.Status))
	return append(b, a.Body...)
}

func decodeRecord(b []byte) (digest [32]byte, a *Answer, err error) {
	if len(b) < recordHead || b[0] != recordVersion {
		return digest, nil, errRecord
	}
	copy(digest[:], b[1:])
	return digest, &Answer{Status: int(binary.LittleEndian.Uint16(b[33:])), Body: b[recordHead:], Replay: true}, nil
}
