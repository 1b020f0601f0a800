// Package keys holds API keys: hashed at rest, with a visible prefix, tenant-bound, scoped, expiring. They live in one small file that
// the command line and a running gateway share; a change is in force within 100 ms.
package keys

import (
	"errors"
	"time"
)

// Scope is one permission, as a bit.
type Scope uint16

const (
	SendMarketing Scope = 1 << iota
	SendTransactional
	SendService
	SendMandatory
	SuppressRead
	SuppressWrite
	Read
	Admin
	All = 1<<iota - 1
)

func ParseScopes(s string) (Scope, error) { panic("contract") } // "send:marketing,suppress:read" or "all"
func (s Scope) String() string            { panic("contract") }

// Principal is who a key speaks for.
type Principal struct {
	KeyID  string // visible prefix, such as "heed_a1b2c3d4"
	Tenant string
	Scopes Scope
}

func (p Principal) May(s Scope) bool { return p.Scopes&s == s }

// Key is what is kept of a key: never the secret.
type Key struct {
	ID      string    `json:"id"`
	Tenant  string    `json:"tenant"`
	Scopes  string    `json:"scopes"`
	Hash    string    `json:"sha256"`
	Name    string    `json:"name,omitempty"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"`
	Revoked time.Time `json:"revoked,omitzero"`
}

var ErrUnknown = errors.New("keys: unknown, expired or revoked key")

// Store is the key file. Safe for concurrent use, also by several processes.
type Store struct{}

func Open(path string, now func() time.Time) (*Store, error) { panic("contract") }

// Create makes a key and returns its secret, which is shown once. At most two live keys of a tenant may share a name.
func (s *Store) Create(tenant, name string, scopes Scope, life time.Duration) (secret string, k Key, err error) {
	panic("contract")
}
func (s *Store) List() ([]Key, error)   { panic("contract") }
func (s *Store) Revoke(id string) error { panic("contract") }

// Check answers who a bearer secret speaks for. Constant time in the secret; ErrUnknown otherwise.
func (s *Store) Check(secret string) (Principal, error) { panic("contract") }
