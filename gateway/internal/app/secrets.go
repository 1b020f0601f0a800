package app

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"heed/gateway/internal/config"
)

// secretSize is the size of the gateway's own secrets in bytes.
const secretSize = 32

// ownSecret reads a secret of the gateway's own (hex, in a file that only its owner may read). A missing one is made, unless the store that depends on
// it is there already: then a new one would make every recorded opt-out unreadable, so the gateway refuses to start.
func ownSecret(path, dependent string) ([]byte, error) {
	text, err := os.ReadFile(path)
	switch {
	case err == nil:
		return decodeSecret(path, string(text))
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("read secret: %w", err)
	}
	if _, err := os.Stat(dependent); err == nil {
		return nil, fmt.Errorf("the secret %s is missing, but %s was made with it: bring the secret back from your copy "+
			"(without it no recorded opt-out can be matched)", path, dependent)
	}
	return newSecret(path)
}

// listSecret reads, or makes, the secret of the list's keys.
func listSecret(c config.Config) ([]byte, error) {
	path := c.List.SecretFile
	if path == "" {
		path = filepath.Join(c.Data, "secrets", "suppression.key")
	}
	return ownSecret(path, filepath.Join(c.Data, "list"))
}

func decodeSecret(path, text string) ([]byte, error) {
	secret, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(secret) < secretSize {
		return nil, fmt.Errorf("secret %s: want at least %d bytes in hex; bring back your copy", path, secretSize)
	}
	return secret, nil
}

func newSecret(path string) ([]byte, error) {
	secret := make([]byte, secretSize)
	rand.Read(secret)
	return secret, writeDurably(path, []byte(hex.EncodeToString(secret)+"\n"))
}

// writeDurably writes a file for its owner only, so that after a crash it is there whole or not at all.
func writeDurably(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails, rightly, once renamed
	if _, err = f.Write(text); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
