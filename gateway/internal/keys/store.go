package keys

import (
	"crypto/subtle"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const lookEvery = 100 * time.Millisecond // how old the view of the file may be

// Store is the key file. Safe for concurrent use, also by several processes.
type Store struct {
	path  string
	now   func() time.Time // for expiry
	start time.Time        // looks are timed by the monotonic clock, which nobody can set back
	next  atomic.Int64     // nanoseconds after start of the next look
	view  atomic.Pointer[view]
	mu    sync.Mutex // held while the file is looked at
}

// Open reads the key file at path, which need not exist yet; its folder must. now is asked for the time of day.
// Errors: ErrDamaged, or a fault of the disk.
func Open(path string, now func() time.Time) (*Store, error) {
	s := &Store{path: path, now: now, start: time.Now()}
	v, err := readFile(path)
	if err != nil {
		return nil, err
	}
	s.view.Store(v)
	s.next.Store(int64(lookEvery))
	return s, nil
}

// List reads all keys from the file, revoked and expired ones included, oldest first.
func (s *Store) List() ([]Key, error) {
	v, err := readFile(s.path)
	if err != nil {
		return nil, err
	}
	return v.keys, nil
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
	if subtle.ConstantTimeCompare(h[:], e.hash[:]) != 1 || !known || !e.key.live(s.now()) {
		return Principal{}, ErrUnknown
	}
	return e.principal, nil
}

var nobody entry

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
	v, err := readFile(s.path)
	if err != nil {
		v = &view{err: err}
	}
	s.view.Store(v)
}

// change replaces the file by what edit makes of it, and puts it in force here.
func (s *Store) change(edit func([]Key) ([]Key, error)) error {
	unlock, err := lock(s.path)
	if err != nil {
		return err
	}
	defer unlock()
	v, err := readFile(s.path)
	if err != nil {
		return err
	}
	keys, err := edit(v.keys)
	if err != nil {
		return err
	}
	if err := writeFile(s.path, keys); err != nil {
		return err
	}
	s.look()
	return nil
}
