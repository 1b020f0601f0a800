package keys

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// document is the key file.
type document struct {
	Version int   `json:"version"`
	Keys    []Key `json:"keys"`
}

const (
	fileVersion  = 1
	maxFileBytes = 64 << 20 // some 200,000 keys; a larger file is not ours
)

// readFile reads the key file. A missing file has no keys.
func readFile(path string) (*view, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &view{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("stat key file: %w", err)
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	v, err := decode(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v; restore it from a backup, or move it aside and create new keys", ErrDamaged, path, err)
	}
	v.info = info
	return v, nil
}

// decode reads a key file's bytes. Every key is checked, so that a torn or edited file is refused as a whole, not in part.
func decode(raw []byte) (*view, error) {
	if len(raw) > maxFileBytes {
		return nil, fmt.Errorf("larger than %d bytes", maxFileBytes)
	}
	var doc document
	if err := json.Unmarshal(raw, &doc, json.RejectUnknownMembers(true)); err != nil {
		return nil, err
	}
	if doc.Version != fileVersion {
		return nil, fmt.Errorf("version %d, this program reads version %d", doc.Version, fileVersion)
	}
	entries, err := index(doc.Keys)
	if err != nil {
		return nil, err
	}
	return &view{keys: doc.Keys, entries: entries}, nil
}

// writeFile replaces the key file in one step that survives power loss. Requires: the lock is held.
func writeFile(path string, keys []Key) error {
	raw, err := json.Marshal(document{Version: fileVersion, Keys: keys}, jsontext.WithIndent("  "))
	if err != nil {
		return fmt.Errorf("encode keys: %w", err)
	}
	temp := path + ".new" // one name is enough under the lock, and a crash leaves at most one behind
	if err := writeSynced(temp, append(raw, '\n')); err != nil {
		return fmt.Errorf("write %s: %w", temp, err)
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("replace key file: %w", err)
	}
	return syncFolder(filepath.Dir(path))
}

func writeSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncFolder makes a rename in a folder durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open folder of the key file: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync folder of the key file: %w", err)
	}
	return nil
}

// lock takes the exclusive lock that guards changes of the file at path, against other processes and other goroutines alike
// (flock belongs to the open file). It waits; a holder keeps it for one small write. The lock file stays.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock of the key file: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock key file: %w", err)
	}
	return func() { f.Close() }, nil // closing releases the lock
}
