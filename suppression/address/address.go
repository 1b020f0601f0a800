// Package address turns email addresses and phone numbers into the canonical forms and keyed digests
// that the suppression list matches on. Pure: no I/O, no clock. Safe for concurrent use.
package address

import "errors"

var (
	ErrSyntax  = errors.New("address: not a valid address")
	ErrTooLong = errors.New("address: too long")
)

// Key is a keyed digest of a canonical address: what the list stores instead of the address.
type Key [16]byte

// AppendEmail appends the canonical matching form of addr (the exact key's input).
func AppendEmail(dst, addr []byte) ([]byte, error) { panic("contract") }

// AppendFamily appends the family form of a canonical email address (dots and +tag dropped where the
// provider is known to ignore them) and reports whether it differs from the exact form.
func AppendFamily(dst, canonical []byte) ([]byte, bool) { panic("contract") }

// AppendPhone appends the E.164 form of a phone number. region (ISO 3166-1 alpha-2, may be "")
// is the country of numbers written without "+".
func AppendPhone(dst, number []byte, region string) ([]byte, error) { panic("contract") }

// Mask returns addr so that a person recognises it and a stranger learns little: j***@example.com, +1*******71.
func Mask(addr string) string { panic("contract") }

// Keyer computes keys of one tenant and one channel. The zero Keyer is not usable.
type Keyer struct{ exact, family [2]uint64 }

// NewKeyer derives a keyer from the list's secret (at least 32 bytes). channel is "email" or "sms".
func NewKeyer(secret []byte, tenant, channel string) Keyer { panic("contract") }

// Key digests a canonical address.
func (k Keyer) Key(canonical []byte) Key { panic("contract") }

// FamilyKey digests a family form; it never equals a Key of the same bytes.
func (k Keyer) FamilyKey(family []byte) Key { panic("contract") }
