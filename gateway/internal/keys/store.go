package keys

import (
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	lookEvery = 100 * time.Millisecond // how old the view of the file may be
	sameName  = 2                      // live keys of a tenant that may share a name: the old and the new one of a rotation
)

// Store is the key file. Safe for concurrent use, also by several processes.
type Store struct {
	path  string
	now   func() time.Time // for expiry
	start time.Time        // looks are timed by the monotonic clock, which nobody can set back
	next  atomic.Int64     // nanoseconds after start of the next look
	view  atomic.Pointer[view]
	mu    sync.Mutex // held while the file is looked at
}

// view is the file as it was last read. Immutable but for the time of last use.
type view struct {
	entries map[string]*entry
	info    fs.FileInfo // nil: there was no file
	err     error       // the file could not be read: every Check fails with it
}

type entry struct {
	key       Key
	principal Principal
	hash      digest
	used      atomic.Int64 // Unix seconds of the latest successful Check, 0 for never
}

// Open reads the key file at path, which need not exist yet; its folder must. now is asked for the time of day.
// Errors: ErrDamaged, or a fault of the disk.
func Open(path string, now func() time.Time) (*Store, error) {
	s := &Store{path: path, now: now, start: time.Now()}
	v := read(path, nil)
	if v.err != nil {
		return nil, v.err
	}
	s.view.Store(v)
	s.next.Store(int64(lookEvery))
	return s, nil
}

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
		h := hash(secret)
		k = Key{ID: secret[:idLen], Tenant: tenant, Scopes: scopes.String(), Hash: hex.EncodeToString(h[:]), Name: name, Created: now}
		if life > 0 {
			k.Expires = now.Add(life)
		}
		return append(keys, k), nil
	})
	if err != nil {
		return "", Key{}, err
	}
	return secret, k, nil
}

// List reads all keys from the file, revoked and expired ones included, oldest first.
func (s *Store) List() ([]Key, error) {
	keys, _, err := readFile(s.path)
	return keys, err
}

// Revoke ends a key for good; revoking it again changes nothing. It is in force here when Revoke returns, and in other processes
// within 100 ms. Errors: ErrUnknown if there is no such key, ErrDamaged, or a fault of the disk.
func (s *Store) Revoke(id string) error {
	return s.change(func(keys []Key) ([]Key, error) {
		i := slices.IndexFunc(keys, func(k Key) bool { return k.ID == id })
		if i < 0 {
			return nil, ErrUnknown
		}
		if keys[i].Revoked.IsZero() {
			keys[i].Revoked = s.now().UTC().Truncate(time.Second)
		}
		return keys, nil
	})
}

// Check answers who a bearer secret speaks for. Constant time in the secret; ErrUnknown if it is no live key's. Any other error
// means that the file cannot be read, and nothing may be allowed. No allocation while the file is unchanged.
func (s *Store) Check(secret string) (Principal, error) {
	v := s.current()
	if v.err != nil {
		return Principal{}, v.err
	}
	if !wellFormed(secret) {
		return Principal{}, ErrUnknown
	}
	e, known := v.entries[secret[:idLen]]
	if !known {
		e = &nobody // the same work for an unknown id
	}
	h := hash(secret)
	now := s.now()
	if subtle.ConstantTimeCompare(h[:], e.hash[:]) != 1 || !known || !e.key.live(now) {
		return Principal{}, ErrUnknown
	}
	if at := now.Unix(); e.used.Load() != at {
		e.used.Store(at)
	}
	return e.principal, nil
}

var nobody entry

// LastUsed tells when a key last passed Check in this process, to the second; zero if it never did since the start.
func (s *Store) LastUsed(id string) time.Time {
	if e := s.current().entries[id]; e != nil && e.used.Load() != 0 {
		return time.Unix(e.used.Load(), 0).UTC()
	}
	return time.Time{}
}

// current is the view to decide by, at most lookEvery old. One caller looks, the others go on with what they have.
func (s *Store) current() *view {
	due := s.next.Load()
	if elapsed := int64(time.Since(s.start)); elapsed >= due && s.next.CompareAndSwap(due, elapsed+int64(lookEvery)) {
		s.look()
	}
	return s.view.Load()
}

// look reads the file again if it is not the one of the current view.
func (s *Store) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.view.Load()
	if info, err := os.Stat(s.path); old.err == nil && same(old.info, info, err) {
		return
	}
	s.view.Store(read(s.path, old))
}

// same tells whether a stat shows the file that was read. Each write is a new inode with its own time.
func same(old, now fs.FileInfo, err error) bool {
	if old == nil || err != nil {
		return old == nil && errors.Is(err, fs.ErrNotExist)
	}
	return os.SameFile(old, now) && old.ModTime().Equal(now.ModTime()) && old.Size() == now.Size()
}

// read makes a view of the file, taking over the times of last use.
func read(path string, old *view) *view {
	keys, info, err := readFile(path)
	if err != nil {
		return &view{err: err}
	}
	entries, err := index(keys)
	if err != nil {
		return &view{err: err}
	}
	if old != nil {
		for id, e := range entries {
			if was := old.entries[id]; was != nil {
				e.used.Store(was.used.Load())
			}
		}
	}
	return &view{entries: entries, info: info}
}

// index checks keys and makes them ready for look-up.
func index(keys []Key) (map[string]*entry, error) {
	entries := make(map[string]*entry, len(keys))
	for _, k := range keys {
		e, err := parseEntry(k)
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", k.ID, err)
		}
		if entries[k.ID] != nil {
			return nil, fmt.Errorf("key %q stands there twice", k.ID)
		}
		entries[k.ID] = e
	}
	return entries, nil
}

func parseEntry(k Key) (*entry, error) {
	scopes, err := ParseScopes(k.Scopes)
	if err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(k.Hash)
	if err != nil || len(raw) != len(digest{}) {
		return nil, errors.New("sha256 is not 64 hex digits")
	}
	if len(k.ID) != idLen || !strings.HasPrefix(k.ID, brand) || !validTenant(k.Tenant) {
		return nil, errors.New("id or tenant is malformed")
	}
	return &entry{key: k, hash: digest(raw), principal: Principal{KeyID: k.ID, Tenant: k.Tenant, Scopes: scopes}}, nil
}

// change replaces the file by what edit makes of it, and puts it in force here.
func (s *Store) change(edit func([]Key) ([]Key, error)) error {
	unlock, err := lock(s.path)
	if err != nil {
		return err
	}
	defer unlock()
	keys, _, err := readFile(s.path)
	if err != nil {
		return err
	}
	keys, err = edit(keys)
	if err != nil {
		return err
	}
	if err := writeFile(s.path, keys); err != nil {
		return err
	}
	s.look()
	return nil
}

func validate(tenant, name string, scopes Scope, life time.Duration) error {
	switch {
	case !validTenant(tenant):
		return fmt.Errorf("%w: tenant must be 1 to 64 letters, digits, dots, dashes or underscores", ErrInvalid)
	case len(name) > 64 || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '�' }):
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
