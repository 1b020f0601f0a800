// Package optout is every way to say stop: signed tokens, the one-click page, mailto:, STOP texts. Each way ends in
// Desk, which makes the act durable and in force before it answers.
package optout

import (
	"context"
	"errors"
	"time"

	"heed/suppression"
	"heed/suppression/policy"
)

// Token is what an unsubscribe link says, signed, and with no address inside in clear (RFC 8058 §3.1). It never expires.
type Token struct {
	Tenant  string
	Channel policy.Channel
	Key     suppression.Key
	Family  suppression.Key // zero if the address has none
	Topic   string          // "" = all
	Class   policy.Class
	Batch   [16]byte
	Index   uint32
	Day     uint32 // days since 1970-01-01 UTC of issue
}

var (
	ErrMalformed = errors.New("optout: malformed token") // 400
	ErrForged    = errors.New("optout: bad signature")   // 404
)

// Signer signs and verifies tokens: "v1.<kid>.<payload>.<mac>", HMAC-SHA-256, base64url, URL- and mailbox-safe.
type Signer struct{}

// NewSigner takes the signing secret and retired ones that still verify. kid is derived from the secret.
func NewSigner(secret []byte, retired ...[]byte) (*Signer, error) { panic("contract") }

// Append appends the signed token. No allocation beyond dst.
func (s *Signer) Append(dst []byte, t Token) []byte { panic("contract") }

// Verify reads a token. Constant time in the signature.
func (s *Signer) Verify(token []byte) (Token, error) { panic("contract") }

// List is the part of suppression.List that is needed here.
type List interface {
	Apply(ctx context.Context, changes ...suppression.Change) (uint64, error)
	Rows(dst []suppression.Row, key suppression.Key) ([]suppression.Row, error)
}

// Desk takes opt-outs and undoes them.
type Desk struct{}

// Stop records what the token says. Durable and in force when it returns nil; doing it twice is doing it once.
// The undo token it returns lifts just this act, for undoLife.
func (d *Desk) Stop(ctx context.Context, t Token, by suppression.Source, at time.Time) (undo string, err error) {
	panic("contract")
}

// Undo lifts the act that the undo token was issued for.
func (d *Desk) Undo(ctx context.Context, undo string, at time.Time) error { panic("contract") }
