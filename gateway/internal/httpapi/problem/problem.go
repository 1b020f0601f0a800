// Package problem holds the one table of what the API refuses and why: RFC 9457 problems, their texts, and which of them an error of the
// parts below becomes.
//
// A problem's detail and faults are shown to the caller and never hold an address (P6); its cause goes to the log, never to the caller.
// Everything is safe for concurrent use; a Problem is not changed once it is returned.
package problem

import "time"

// Fault names one place of the request that is wrong.
type Fault struct {
	Pointer   string `json:"pointer,omitempty"`   // RFC 6901; of an NDJSON body within the line
	Line      int    `json:"line,omitzero"`       // of an NDJSON body, from 1
	Parameter string `json:"parameter,omitempty"` // query parameter or header
	Code      string `json:"code"`
	Detail    string `json:"detail"`
}

// Problem is a refusal: an error that knows its answer. Its cause goes to the log, never to the client.
type Problem struct {
	Status     int
	Code       string // of the table, or a finer one of a part below
	Detail     string // for the caller: no address, no secret
	Faults     []Fault
	RetryAfter time.Duration
	Allow      string // of a 405
	Cause      error
}

func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// New refuses with a code of the table, whose status it takes.
func New(code, detail string) *Problem {
	return &Problem{Status: kindOf[code].Status, Code: code, Detail: detail}
}

// At is New with the place in the body, as a JSON pointer (RFC 6901).
func At(pointer, code, detail string) *Problem {
	p := New(code, detail)
	p.Faults = []Fault{{Pointer: pointer, Code: code, Detail: detail}}
	return p
}

// Parameter refuses a query parameter or header.
func Parameter(name, detail string) *Problem {
	p := New("invalid_parameter", detail)
	p.Faults = []Fault{{Parameter: name, Code: "invalid_parameter", Detail: detail}}
	return p
}
