package senders

import (
	"context"
	"time"
)

// Message is one message to one recipient, ready to be handed off.
type Message struct {
	ID   string // the gateway's message id, for providers that take a reference
	From string // email: envelope sender; SMS: sender number or id
	To   string // email: the mailbox as the caller gave it; SMS: E.164
	Body []byte // email: RFC 5322 bytes with CRLF line ends; SMS: UTF-8 text
	// ValidFor bounds how long an SMS provider may keep the message; 0 leaves it to the provider.
	ValidFor time.Duration
	// Begin, if set, is called once the connection is in hand, right before the first byte of the message's
	// transaction. If it fails, the sender transmits nothing of the message and returns that error as it is.
	// Otherwise the sender calls end when the transaction is over, whatever its outcome.
	Begin func() (end func(), err error)
}

// Result tells of an accepted message.
type Result struct {
	ProviderID string // the peer's id: SMTP queue id, Twilio SID; may be ""
	Detail     string // the peer's words, at most 200 bytes, without the recipient's address
}

// Sender hands messages to one provider. Safe for concurrent use.
// Every error but Begin's is an *Error.
type Sender interface {
	Send(ctx context.Context, m *Message) (Result, error)
	// Close ends idle connections politely. Requires: no Send is running.
	Close() error
}

// Class says what an unsuccessful hand-off means for the message. The zero value is invalid.
type Class uint8

const (
	Temporary   Class = iota + 1 // not accepted: try later (4yz, RFC 5321 §4.2.1)
	Permanent                    // refused for good (5yz); Code says whether to suppress
	Throttled                    // the provider wants a pause of RetryAfter; the recipient is innocent
	Unknown                      // may have been accepted (RFC 1047): no blind retry without an idempotency key
	Unavailable                  // no connection, authentication or configuration: the route is down, nothing was said about the message
)

// Error is all that a Sender returns.
type Error struct {
	Class      Class
	Code       string        // RFC 3463 status ("5.1.1") or the provider's own ("21610")
	Detail     string        // the peer's words, at most 200 bytes, without the recipient's address
	RetryAfter time.Duration // for Throttled; 0 if the peer named none
	Err        error
}

func (e *Error) Error() string { panic("contract") }
func (e *Error) Unwrap() error { return e.Err }
