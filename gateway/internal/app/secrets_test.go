package app

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOwnSecret_IsMadeOnceAndKept(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secrets", "a.key")
	first, err := ownSecret(path, filepath.Join(dir, "list"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := ownSecret(path, filepath.Join(dir, "list"))
	if err != nil || !bytes.Equal(first, again) || len(first) != secretSize {
		t.Fatalf("second read: %x, %v; first %x", again, err, first)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v: others can read the secret", info.Mode(), err)
	}
}

// A new secret beside an old list would make every opt-out in it unreadable (P5).
func TestOwnSecret_RefusesToReplaceALostOne(t *testing.T) {
	dir := t.TempDir()
	list := filepath.Join(dir, "list")
	if err := os.Mkdir(list, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := ownSecret(filepath.Join(dir, "a.key"), list)
	if err == nil || !strings.Contains(err.Error(), "bring the secret back") {
		t.Fatalf("got %v", err)
	}
}

func TestOwnSecret_RefusesADamagedOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.key")
	for _, text := range []string{"", "zz", "00ff"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ownSecret(path, ""); err == nil {
			t.Errorf("%q was taken for a secret", text)
		}
	}
}
