package intake

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"

	"heed/gateway/internal/queue"
)

// Fault is a refused call: it becomes a problem+json.
type Fault struct {
	Status  int    // HTTP status
	Code    string // stable snake_case
	Detail  string // what to change
	Pointer string // RFC 6901, "" if the whole body
	Errors  []Item // what is wrong with single recipients, at most maxItems of them
	Cause   error  // why a 503; for the log, not for the caller
}

// Item is what is wrong with one recipient.
type Item struct {
	Pointer string // RFC 6901; within the line for NDJSON
	Line    int    // NDJSON line from 1; 0 for JSON
	Code    string
	Detail  string
}

// maxItems bounds Fault.Errors.
const maxItems = 100

func (f *Fault) Error() string { return f.Code + ": " + f.Detail }

func (f *Fault) Unwrap() error { return f.Cause }

// refuse is a fault of the call. A code that is not in statusOf comes with the content or the recipient: 422.
func refuse(pointer, code, detail string) *Fault {
	return &Fault{Status: cmp.Or(statusOf[code], http.StatusUnprocessableEntity), Code: code, Detail: detail, Pointer: pointer}
}

// unavailable is a fault of ours: nothing was queued, and the caller may try again.
func unavailable(code, detail string, cause error) *Fault {
	f := refuse("", code, detail)
	f.Cause = cause
	return f
}

// queueDown is a batch that could not be stored.
func queueDown(err error) *Fault {
	if errors.Is(err, queue.ErrFull) {
		return unavailable("no_room", "the gateway's disk is nearly full, so nothing was accepted: try again later", err)
	}
	return unavailable("queue_unavailable", "the batch could not be stored, so nothing was accepted: try again", err)
}

// at says where in the body the recipient stands that is number index of the call, or on the line given.
func (i Item) at(index uint32, line int) Item {
	if i.Line = line; line == 0 {
		i.Pointer = "/recipients/" + strconv.FormatUint(uint64(index), 10) + i.Pointer
	}
	return i
}
