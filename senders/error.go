package senders

import (
	"errors"
	"time"
)

// Class says what an unsuccessful hand-off means for the message. The zero value is invalid.
type Class uint8

const (
	Temporary   Class = iota + 1 // not accepted: try later (4yz, RFC 5321 §4.2.1)
	Permanent                    // refused for good (5yz); Code says whether to suppress
	Throttled                    // the provider wants a pause of RetryAfter; the recipient is innocent
	Unknown                      // may have been accepted (RFC 1047): no blind retry without an idempotency key
	Unavailable                  // no connection, authentication or configuration: the route is down, nothing was said about the message
)

var classNames = [...]string{"invalid", "temporary", "permanent", "throttled", "unknown", "unavailable"}

// String gives the class's name in lower case, fit for a metric label; "invalid" for anything but the five classes.
func (c Class) String() string {
	if int(c) >= len(classNames) {
		return classNames[0]
	}
	return classNames[c]
}

// Error is all that a Sender returns.
type Error struct {
	Class      Class
	Code       string        // RFC 3463 status ("5.1.1") or the provider's own ("21610")
	Detail     string        // the peer's words, or ours if it said none: at most 200 bytes, without the recipient's address
	RetryAfter time.Duration // for Throttled; 0 if the peer named none
	// OfRecipient says that the refusal answered the recipient's address. One that answered ours says nothing about the recipient, whatever its code.
	OfRecipient bool
	Err         error // the cause, for errors.Is; its text may hold anything and belongs in no log
}

// Error gives class, code and detail, and not the text of Err: a library's error may quote an address.
func (e *Error) Error() string {
	s := "send: " + e.Class.String()
	if e.Code != "" {
		s += " " + e.Code
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// AsError finds the *Error in err's chain.
func AsError(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}
