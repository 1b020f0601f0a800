package problem

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/batchjson"
	"heed/gateway/internal/catalog"
	"heed/gateway/internal/intake"
	"heed/gateway/internal/queue"
	"heed/gateway/internal/transfer"
)

// Of gives the answer for any error of a handler. What is not foreseen is the gateway's trouble, not the caller's: a 503,
// since no handler returns a bare error after it has changed anything.
func Of(err error) *Problem {
	var p *Problem
	var f *intake.Fault
	var b *batchjson.Error
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &f):
		return fromFault(f)
	case errors.As(err, &b):
		return fromBody(b)
	case errors.Is(err, batch.ErrID), errors.Is(err, queue.ErrNotFound), errors.Is(err, catalog.ErrNotFound), errors.Is(err, transfer.ErrNotFound):
		return New("not_found", "There is nothing with this id.")
	case errors.Is(err, transfer.ErrTooLarge):
		return New("body_too_large", "The file is too large; split it.")
	case errors.Is(err, transfer.ErrNoRoom):
		return later("no_room", "The disk is nearly full, or files of earlier imports wait: nothing was accepted. Try again later.", err)
	case errors.Is(err, transfer.ErrFormat):
		return New("invalid", fromFile(err))
	case errors.Is(err, catalog.ErrInvalid):
		member, remedy := catalog.Remedy(err)
		return At("/"+member, "invalid", remedy)
	}
	return later("unavailable", "Nothing was accepted; try again later.", err)
}

func later(code, detail string, cause error) *Problem {
	p := New(code, detail)
	p.RetryAfter, p.Cause = 5*time.Second, cause
	return p
}

// fromFile is what to change about a file: what package transfer says behind its ErrFormat, which quotes nothing of the file.
func fromFile(err error) string {
	_, remedy, ok := strings.Cut(err.Error(), transfer.ErrFormat.Error()+": ")
	if !ok {
		return "The file is not one of this format; see the parameter format."
	}
	return "The file cannot be read: " + remedy + "."
}

func fromFault(f *intake.Fault) *Problem {
	p := &Problem{Status: f.Status, Code: f.Code, Detail: f.Detail, Cause: f.Cause}
	for _, e := range f.Errors {
		p.Faults = append(p.Faults, Fault{Pointer: e.Pointer, Line: e.Line, Code: e.Code, Detail: e.Detail})
	}
	if p.Faults == nil && f.Status < 500 && (f.Pointer != "" || f.Status == http.StatusUnprocessableEntity) {
		p.Faults = []Fault{{Pointer: f.Pointer, Code: f.Code, Detail: f.Detail}}
	}
	switch f.Status {
	case http.StatusConflict, http.StatusTooManyRequests:
		p.RetryAfter = time.Second
	case http.StatusServiceUnavailable, http.StatusInsufficientStorage:
		p.RetryAfter = 5 * time.Second
	}
	return p
}

func fromBody(b *batchjson.Error) *Problem {
	p := New(b.Code, b.Detail)
	if p.Status == 0 {
		p.Status = http.StatusUnprocessableEntity
	}
	p.Faults = []Fault{{Pointer: b.Pointer, Line: b.Line, Code: b.Code, Detail: b.Detail}}
	return p
}
