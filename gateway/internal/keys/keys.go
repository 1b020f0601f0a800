// Package keys holds API keys: hashed at rest, with a visible prefix, tenant-bound, scoped, expiring. They live in one small file that
// the command line and a running gateway share; a change is in force within 100 ms.
//
// A secret is "heed_" + 8 visible characters + "_" + 256 random bits in base64url. The first 13 characters are the key's id and may
// be shown, logged and listed; of the rest only the SHA-256 is kept (256 random bits need no slow hash). The file is replaced whole:
// temporary file, fsync, rename, fsync of the folder, all under an flock, so several processes may change it and a crash leaves the
// old or the new one. A missing file is a store without keys; a damaged one is an error and is never overwritten.
//
// Everything here is safe for concurrent use.
package keys

import (
	"errors"
	"time"
)

// Principal is who a key speaks for.
type Principal struct {
	KeyID  string // visible prefix, such as "heed_a1b2c3d4"
	Tenant string
	Scopes Scope
}

// May tells whether the principal holds every scope in s.
func (p Principal) May(s Scope) bool { return p.Scopes&s == s }

// Key is what is kept of a key: never the secret.
type Key struct {
	ID      string    `json:"id"`
	Tenant  string    `json:"tenant"`
	Scopes  string    `json:"scopes"`
	Hash    string    `json:"sha256"` // of the whole secret, in hex
	Name    string    `json:"name,omitempty"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"` // zero: never
	Revoked time.Time `json:"revoked,omitzero"` // zero: not revoked
}

// live tells whether the key opens anything at a moment.
func (k Key) live(now time.Time) bool {
	return k.Revoked.IsZero() && (k.Expires.IsZero() || now.Before(k.Expires))
}

// The errors that callers may match. Every other error of this package is a fault of the disk.
var (
	ErrUnknown = errors.New("keys: unknown, expired or revoked key")
	ErrDamaged = errors.New("keys: the key file cannot be read") // wrapped with what to do
	ErrInvalid = errors.New("keys: invalid")                     // wrapped with what to change
)
