// Package address turns email addresses and phone numbers into the canonical forms and keyed digests
// that the suppression list matches on.
//
// It promises that two spellings of one mailbox or number that a sender may be expected to know as such get one form: the
// domain in lower-case A-labels, the local part folded, a number in E.164. Where it cannot know, it errs towards one form:
// that may suppress one address too many, never one too few. Messages still go to the address as it was given. It does
// not tell whether a mailbox exists, or whether a number is in use.
//
// A form passed through again is itself. What is refused is refused with an error that says what to change and never
// contains the address (P6). Time and memory are bounded by the limits on the input's length.
//
// The package is pure: no I/O, no clock. All of it is safe for concurrent use; no argument is kept.
//
// Sources: RFC 5321 §4.1.2 and RFC 5322 §3.4.1 (mailbox), RFC 6531 §3.3 (SMTPUTF8), RFC 5890 to 5892 and UTS 46 (domains),
// Unicode CaseFolding.txt and UAX 15 (NFC), ITU-T E.164, libphonenumber's metadata.
package address

import (
	"errors"
	"fmt"
)

// The errors of this package, to be told apart by errors.Is. Their texts say what to change.
var (
	ErrSyntax  = errors.New("address: not a valid address")
	ErrTooLong = errors.New("address: too long")
	// ErrRegion is an ErrSyntax that a country would cure: a number without "+", and none known to read it in.
	ErrRegion = fault("a number without + needs a country: write +, country code and number, or set a default country")
)

// fault is an ErrSyntax that says what to change. Made once each, so that a refusal allocates nothing.
func fault(remedy string) error { return fmt.Errorf("%w: %s", ErrSyntax, remedy) }
