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

// founding ends the name of a secret until the store that depends on it has been founded. A first start that was interrupted finds it so and goes
// on; a secret without it has had a store, and to find none is a loss.
const founding = ".founding"

// secret is a secret of the gateway's own.
type secret struct {
	key     []byte
	path    string
	founded bool // the store that depends on it must be there
}

// ownSecret reads a secret of the gateway's own (hex, in a file that only its owner may read). A missing one is made, unless the store that depends on
// it is there already: then a new one would make every recorded opt-out unreadable, so the gateway refuses to start.
func ownSecret(path, dependent string) (secret, error) {
	for _, founded := range []bool{true, false} {
		s := secret{path: path, founded: founded}
		text, err := os.ReadFile(s.file())
		if err == nil {
			s.key, err = decodeSecret(s.file(), string(text))
			return s, err
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return s, fmt.Errorf("read secret: %w", err)
		}
	}
	if _, err := os.Stat(dependent); err == nil {
		return secret{}, fmt.Errorf("the secret %s is missing, but %s was made with it: bring the secret back from your copy "+
			"(without it no recorded opt-out can be matched)", path, dependent)
	}
	return newSecret(path)
}

// file is where the secret is now.
func (s *secret) file() string {
	if s.founded {
		return s.path
	}
	return s.path + founding
}

// found says, durably, that the store which depends on the secret is there from now on.
func (s *secret) found() error {
	if s.founded {
		return nil
	}
	if err := os.Rename(s.file(), s.path); err != nil {
		return fmt.Errorf("secret: %w", err)
	}
	s.founded = true
	return syncFolder(filepath.Dir(s.path))
}

// lost tells what to do about a store that is not there, though its secret says that it was.
func (s *secret) lost(dir string, err error) error {
	return fmt.Errorf("%w; nothing was changed. If that loss is accepted, move both %s and %s aside and start again, with nothing in it", err, dir, s.file())
}

// listFounded reports whether the list must be there. A secret that the operator has brought along says so only once the first start on this data
// folder is over, which ends with the founding of the tokens' store.
func listFounded(c config.Config, list, tokens secret) bool {
	return list.founded && (c.List.SecretFile == "" || tokens.founded)
}

// listSecret reads, or makes, the secret of the list's keys.
func listSecret(c config.Config) (secret, error) {
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

func newSecret(path string) (secret, error) {
	s := secret{key: make([]byte, secretSize), path: path}
	rand.Read(s.key)
	return s, writeDurably(s.file(), []byte(hex.EncodeToString(s.key)+"\n"))
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
