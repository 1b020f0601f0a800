package app

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"heed/gateway/internal/config"
)

func TestOwnSecret_IsMadeOnceAndKept(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secrets", "a.key")
	first, err := ownSecret(path, filepath.Join(dir, "list"))
	if err != nil {
		t.Fatal(err)
	}
	if first.founded {
		t.Fatal("a new secret says that its store is there")
	}
	list := filepath.Join(dir, "list")
	again := func(founded bool) {
		t.Helper()
		s, err := ownSecret(path, list)
		if err != nil || !bytes.Equal(first.key, s.key) || len(first.key) != secretSize || s.founded != founded {
			t.Fatalf("read again: %+v, %v; first %+v", s, err, first)
		}
	}
	again(false) // a first start that was interrupted before the store
	if err := os.Mkdir(list, 0o700); err != nil {
		t.Fatal(err)
	}
	again(false) // and one that was interrupted after it
	for range 2 {
		if err := first.found(); err != nil {
			t.Fatal(err)
		}
		again(true)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v: others can read the secret", info.Mode(), err)
	}
}

// A secret that was brought along says nothing of a list before the first start on the data folder is over.
func TestListFounded_AfterTheFirstStart(t *testing.T) {
	check := func(file string, list, tokens, want bool) {
		t.Helper()
		var c config.Config
		c.List.SecretFile = file
		if got := listFounded(c, secret{founded: list}, secret{founded: tokens}); got != want {
			t.Errorf("file %q, list %v, tokens %v: %v", file, list, tokens, got)
		}
	}
	check("", false, false, false)
	check("", true, false, true)
	check("", true, true, true)
	check("brought.key", true, false, false)
	check("brought.key", true, true, true)
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
