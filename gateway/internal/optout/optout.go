// Package optout is every way to say stop. A way (one-click, page, mailto:, STOP text) proves who asks by a signed Token or
// a signed webhook and ends in Desk, which makes the act durable and in force before it answers (promise P1).
//
// It promises: a token names its recipient by keyed digest only (P6), never expires, and can only opt out; a forged one never
// reaches the list; saying stop twice is saying it once, with the same answer. An undo lifts the one act it was issued for,
// for a short time, and nothing that stood before, came at the same moment or came later: where that cannot be proved, none is
// offered. So a busy list offers it less often, and a second press ends the undo of the first, since it may be another person's.
//
// It does not decide what may still be sent (suppression/policy does), keeps no evidence yet, and knows neither HTTP nor SMTP:
// page, mailin and textin below it adapt those.
//
// All types are safe for concurrent use. Sources: RFC 8058, RFC 2369, 47 CFR 64.1200(a)(10)-(12), 16 CFR 316.5.
package optout

import (
	"context"
	"errors"

	"heed/suppression"
)

var (
	// ErrMalformed: the bytes are no token at all, such as a link cut short (answer 400).
	ErrMalformed = errors.New("optout: malformed token")
	// ErrForged: the form is right and the signature is not ours (answer 404).
	ErrForged = errors.New("optout: bad signature")
	// ErrUnknown: the signature is ours, but the message it names is no longer known (answer 404, or SMTP 550).
	ErrUnknown = errors.New("optout: the message is no longer known")
	// ErrExpired: the undo came too late (answer 410). The opt-out stands.
	ErrExpired = errors.New("optout: undo expired")
	// ErrStands: this undo is no longer enough: another opt-out of the same kind stands (answer 409).
	ErrStands = errors.New("optout: another opt-out stands")
)

// List is the part of suppression.List that is needed here.
type List interface {
	// Apply makes the changes durable and in force, all or none, and returns their position.
	Apply(ctx context.Context, changes ...suppression.Change) (uint64, error)
	// Rows appends the live rows of a key.
	Rows(dst []suppression.Row, key suppression.Key) ([]suppression.Row, error)
	// Position is that of the latest change in force. Rows read afterwards show all up to it.
	Position() uint64
}
