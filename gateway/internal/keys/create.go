package keys

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const sameName = 2 // live keys of a tenant that may share a name: the old and the new one of a rotation

// Create makes a key and returns its secret, which is shown once. life 0 means no expiry. At most two live keys of a tenant may
// share a name. The key is on stable storage when Create returns. Errors: ErrInvalid, ErrDamaged, or a fault of the disk.
func (s *Store) Create(tenant, name string, scopes Scope, life time.Duration) (secret string, k Key, err error) {
	if err := validate(tenant, name, scopes, life); err != nil {
		return "", Key{}, err
	}
	err = s.change(func(keys []Key) ([]Key, error) {
		now := s.now().UTC().Truncate(time.Second)
		if liveNamed(keys, tenant, name, now) >= sameName {
			return nil, fmt.Errorf("%w: tenant %s has %d live keys named %q; revoke one or choose another name", ErrInvalid, tenant, sameName, name)
		}
		secret = unusedSecret(keys)
		k = newKey(secret, now, life)
		k.Tenant, k.Name, k.Scopes = tenant, name, scopes.String()
		return append(keys, k), nil
	})
	if err != nil {
		return "", Key{}, err
	}
	return secret, k, nil
}

// newKey is what is kept of a secret.
func newKey(secret string, now time.Time, life time.Duration) Key {
	h := hash(secret)
	k := Key{ID: secret[:idLen], Hash: hex.EncodeToString(h[:]), Created: now}
	if life > 0 {
		k.Expires = now.Add(life)
	}
	return k
}

func validate(tenant, name string, scopes Scope, life time.Duration) error {
	switch {
	case !validTenant(tenant):
		return fmt.Errorf("%w: tenant must be 1 to 64 letters, digits, dots, dashes or underscores", ErrInvalid)
	case len(name) > 64 || strings.ContainsFunc(name, unicode.IsControl) || !utf8.ValidString(name):
		return fmt.Errorf("%w: name must be at most 64 bytes of printable text", ErrInvalid)
	case scopes == 0 || scopes&^All != 0:
		return fmt.Errorf("%w: name at least one scope: %s, or all", ErrInvalid, strings.Join(scopeNames[:], ", "))
	case life < 0:
		return fmt.Errorf("%w: life must not be negative; 0 means no expiry", ErrInvalid)
	}
	return nil
}

func validTenant(t string) bool {
	return t != "" && len(t) <= 64 && !strings.ContainsFunc(t, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r))
	})
}

func liveNamed(keys []Key, tenant, name string, now time.Time) (n int) {
	for _, k := range keys {
		if k.Tenant == tenant && k.Name == name && k.live(now) {
			n++
		}
	}
	return n
}

// unusedSecret draws until the id is new: 40 bits are for reading, not for uniqueness.
func unusedSecret(keys []Key) string {
	for {
		secret := newSecret()
		if !slices.ContainsFunc(keys, func(k Key) bool { return k.ID == secret[:idLen] }) {
			return secret
		}
	}
}
