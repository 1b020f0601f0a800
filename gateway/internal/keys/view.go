package keys

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// view is the file as it was last read. Immutable.
type view struct {
	keys    []Key // in the order of the file
	entries map[string]*entry
	info    fs.FileInfo // nil: there was no file
	err     error       // the file could not be read: every Check fails with it
}

type entry struct {
	key       Key
	principal Principal
	hash      digest
}

// same tells whether a stat shows the file that was read. Each write is a new inode with its own time.
func same(old, now fs.FileInfo, err error) bool {
	if old == nil || err != nil {
		return old == nil && errors.Is(err, fs.ErrNotExist)
	}
	return os.SameFile(old, now) && old.ModTime().Equal(now.ModTime()) && old.Size() == now.Size()
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
