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
	// Otherwise the sender tells the Handoff when the first bytes have been written and when the transaction is over. Should a kept
	// connection turn out dead before the peer took anything, End is called and Begin is asked again for the new one.
	// It may run on a goroutine other than Send's, but never after Send has returned.
	Begin func() (Handoff, error)
}

// Handoff is told of one hand-off's course.
type Handoff interface {
	// Began tells that the first bytes have been written to the peer: nobody can take the message back any more.
	Began()
	// End tells that the transaction is over, whatever its outcome, begun or not.
	End()
}

// Result tells of an accepted message.
type Result struct {
	ProviderID string // the peer's id: SMTP queue id, Twilio SID; may be ""
	Detail     string // the peer's words, at most 200 bytes, without the recipient's address
}

// Sender hands messages to one provider. Safe for concurrent use.
// Every error but Begin's is an *Error. A ctx that ends makes Send return promptly with an error that Is ctx.Err(): Unknown if
// the message may have been accepted by then, Unavailable if not.
type Sender interface {
	Send(ctx context.Context, m *Message) (Result, error)
	// Close ends idle connections politely. Requires: no Send is running.
	Close() error
}
