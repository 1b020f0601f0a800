package keys

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, path string, now func() time.Time) *Store {
	t.Helper()
	s, err := Open(path, now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func create(t *testing.T, s *Store, tenant, name string, scopes Scope, life time.Duration) (string, Key) {
	t.Helper()
	secret, k, err := s.Create(tenant, name, scopes, life)
	if err != nil {
		t.Fatal(err)
	}
	return secret, k
}

func TestCreate_SecretOpensWhatItNames(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "keys.json"), time.Now)
	secret, k := create(t, s, "acme", "ci", SendMarketing|Read, 0)
	p, err := s.Check(secret)
	if err != nil || p.Tenant != "acme" || p.KeyID != k.ID || !p.May(SendMarketing|Read) || p.May(Admin) || p.May(Read|Admin) {
		t.Fatalf("principal %+v, %v", p, err)
	}
	if len(secret) != 57 || !strings.HasPrefix(secret, k.ID+"_") || len(k.ID) != 13 {
		t.Fatalf("secret has %d characters, id %q", len(secret), k.ID)
	}
}

func TestFile_NeverHoldsTheSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	secret, _ := create(t, open(t, path, time.Now), "acme", "", All, 0)
	raw, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(raw, []byte(secret[:idLen])) {
		t.Fatalf("the visible prefix is missing: %v", err)
	}
	if bytes.Contains(raw, []byte(secret[idLen+1:])) {
		t.Fatal("the key file holds the secret")
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v", info.Mode())
	}
}

func TestCheck_RefusesEveryOtherSecret(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "keys.json"), time.Now)
	secret, _ := create(t, s, "acme", "", All, 0)
	flip := func(i int) string {
		b := []byte(secret)
		b[i] ^= 1
		return string(b)
	}
	for i := range secret {
		if _, err := s.Check(flip(i)); !errors.Is(err, ErrUnknown) {
			t.Fatalf("character %d changed: %v", i, err)
		}
	}
	for _, other := range []string{"", "heed_", secret + "x", secret[1:], secret[:idLen], strings.Repeat("a", 1<<16)} {
		if _, err := s.Check(other); !errors.Is(err, ErrUnknown) {
			t.Fatalf("%.20q: %v", other, err)
		}
	}
}

func TestCheck_KeyEndsAtItsExpiry(t *testing.T) {
	now := noon
	s := open(t, filepath.Join(t.TempDir(), "keys.json"), func() time.Time { return now })
	secret, _ := create(t, s, "acme", "", All, time.Hour)
	now = noon.Add(time.Hour - 1)
	if _, err := s.Check(secret); err != nil {
		t.Fatal(err)
	}
	now = noon.Add(time.Hour)
	if _, err := s.Check(secret); !errors.Is(err, ErrUnknown) {
		t.Fatalf("an expired key: %v", err)
	}
}

func TestRevoke_InForceHereAtOnceAndElsewhereWithin100ms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keys.json")
		command, gateway := open(t, path, time.Now), open(t, path, time.Now)
		secret, k := create(t, command, "acme", "", All, 0)
		time.Sleep(lookEvery)
		if _, err := gateway.Check(secret); err != nil {
			t.Fatal("a key made elsewhere:", err)
		}
		if err := command.Revoke(k.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := command.Check(secret); !errors.Is(err, ErrUnknown) {
			t.Fatal("revoked here:", err)
		}
		time.Sleep(lookEvery)
		if _, err := gateway.Check(secret); !errors.Is(err, ErrUnknown) {
			t.Fatal("revoked elsewhere:", err)
		}
	})
}

func TestRevoke_UnknownAndTwice(t *testing.T) {
	now := noon
	s := open(t, filepath.Join(t.TempDir(), "keys.json"), func() time.Time { return now })
	_, k := create(t, s, "acme", "", All, 0)
	if err := s.Revoke("heed_00000000"); !errors.Is(err, ErrUnknown) {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Revoke(k.ID); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Hour)
	}
	if list, err := s.List(); err != nil || !list[0].Revoked.Equal(noon) {
		t.Fatalf("the first revocation counts: %+v, %v", list, err)
	}
}

func TestCreate_AtMostTwoLiveKeysShareAName(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "keys.json"), time.Now)
	_, first := create(t, s, "acme", "ci", Read, 0)
	create(t, s, "acme", "ci", Read, 0)
	if _, _, err := s.Create("acme", "ci", Read, 0); !errors.Is(err, ErrInvalid) {
		t.Fatal("a third one:", err)
	}
	create(t, s, "globex", "ci", Read, 0) // another tenant is another matter
	if err := s.Revoke(first.ID); err != nil {
		t.Fatal(err)
	}
	create(t, s, "acme", "ci", Read, 0) // the rotation goes on
}

func TestCreate_RefusesWhatItCannotKeep(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "keys.json"), time.Now)
	check := func(tenant, name string, scopes Scope, life time.Duration) {
		t.Helper()
		if _, _, err := s.Create(tenant, name, scopes, life); !errors.Is(err, ErrInvalid) {
			t.Errorf("Create(%q, %q, %d, %v) = %v", tenant, name, scopes, life, err)
		}
	}
	check("", "", All, 0)
	check("a b", "", All, 0)
	check("a/b", "", All, 0)
	check(strings.Repeat("a", 65), "", All, 0)
	check("acme", "two\nlines", All, 0)
	check("acme", "bad \xff utf-8", All, 0)
	check("acme", "next\u0085line", All, 0)
	check("acme", "", 0, 0)
	check("acme", "", All+1, 0)
	check("acme", "", All, -1)
	if list, err := s.List(); err != nil || len(list) != 0 {
		t.Fatalf("kept %v, %v", list, err)
	}
}

func TestStore_KeysSurviveReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	secret, k := create(t, open(t, path, time.Now), "acme", "x", SuppressRead, time.Hour)
	s := open(t, path, time.Now)
	if p, err := s.Check(secret); err != nil || p.Scopes != SuppressRead {
		t.Fatal(p, err)
	}
	if list, err := s.List(); err != nil || len(list) != 1 || list[0] != k {
		t.Fatal(list, err)
	}
}

func TestStore_ManyProcessesLoseNoKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			s := open(t, path, time.Now) // a store of its own, as another process has
			for j := range 5 {
				create(t, s, "acme", fmt.Sprint(i, j), Read, 0)
			}
		})
	}
	group.Wait()
	if list, err := open(t, path, time.Now).List(); err != nil || len(list) != 40 {
		t.Fatalf("%d keys of 40, %v", len(list), err)
	}
}

func TestDamagedFile_IsRefusedAndLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	good := open(t, path, time.Now)
	create(t, good, "acme", "", Read, 0)
	whole, _ := os.ReadFile(path)
	for name, damaged := range map[string][]byte{
		"torn":        whole[:len(whole)/2],
		"empty":       {},
		"unknown key": bytes.Replace(whole, []byte(`"tenant"`), []byte(`"tenants"`), 1),
		"hash":        bytes.Replace(whole, []byte(`"sha256": "`), []byte(`"sha256": "z`), 1),
		"scope":       bytes.Replace(whole, []byte(`"read"`), []byte(`"rood"`), 1),
		"version":     bytes.Replace(whole, []byte(`"version": 1`), []byte(`"version": 2`), 1),
		"no tenant":   bytes.Replace(whole, []byte(`"acme"`), []byte(`""`), 1),
	} {
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path, time.Now); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "backup") {
			t.Errorf("%s: Open says %v", name, err)
		}
		if _, _, err := good.Create("acme", "", Read, 0); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: Create says %v", name, err)
		}
		if left, _ := os.ReadFile(path); !bytes.Equal(left, damaged) {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func TestDamagedFile_NobodyPassesUntilItIsRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keys.json")
		s := open(t, path, time.Now)
		secret, _ := create(t, s, "acme", "", Read, 0)
		whole, _ := os.ReadFile(path)
		check := func(content []byte, want error) {
			t.Helper()
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			time.Sleep(lookEvery)
			if _, err := s.Check(secret); !errors.Is(err, want) {
				t.Fatalf("%v, want %v", err, want)
			}
		}
		check(whole[:40], ErrDamaged)
		check(whole, nil)
		os.Remove(path)
		time.Sleep(lookEvery)
		if _, err := s.Check(secret); !errors.Is(err, ErrUnknown) {
			t.Fatal("a removed file has no keys:", err)
		}
	})
}

func TestWrite_AFailedWriteLeavesTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	s := open(t, path, time.Now)
	secret, _ := create(t, s, "acme", "", Read, 0)
	if err := os.Mkdir(path+".new", 0o700); err != nil { // the temporary file cannot be made
		t.Fatal(err)
	}
	if _, _, err := s.Create("acme", "b", Read, 0); err == nil {
		t.Fatal("a key that is not on disk was reported as made")
	}
	if _, err := s.Check(secret); err != nil {
		t.Fatal(err)
	}
}

func TestCheck_DoesNotAllocate(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "keys.json"), time.Now)
	secret, _ := create(t, s, "acme", "", Read, 0)
	s.next.Store(1 << 62) // no look at the file
	if n := testing.AllocsPerRun(100, func() { s.Check(secret) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func TestScopes_ParseWhatTheyPrint(t *testing.T) {
	for set := Scope(1); set <= All; set++ {
		if got, err := ParseScopes(set.String()); err != nil || got != set {
			t.Fatalf("%d: %q gives %d, %v", set, set, got, err)
		}
	}
	for _, bad := range []string{"", "nothing", "read,", "all,read", "READ", "read;admin"} {
		if _, err := ParseScopes(bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"version":1,"keys":[]}`))
	f.Add([]byte(`{"version":1,"keys":[{"id":"heed_a1b2c3d4","tenant":"acme","scopes":"all","sha256":"` + strings.Repeat("0f", 32) + `","created":"2026-11-21T12:00:00Z"}]}`))
	f.Add([]byte(`{"version":1,"keys":[{"id":"heed_a1b2c3d4"},{"id":"heed_a1b2c3d4"}]}`))
	f.Add([]byte(`{"version":`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := decode(raw)
		if err != nil {
			return
		}
		path := filepath.Join(t.TempDir(), "keys.json")
		if err := writeFile(path, v.keys); err != nil {
			t.Fatal(err)
		}
		again, err := readFile(path)
		if err != nil || !slices.EqualFunc(again.keys, v.keys, equal) {
			t.Fatalf("what was read cannot be written and read again: %v", err)
		}
	})
}

func equal(a, b Key) bool {
	times := a.Created.Equal(b.Created) && a.Expires.Equal(b.Expires) && a.Revoked.Equal(b.Revoked)
	a.Created, a.Expires, a.Revoked = b.Created, b.Expires, b.Revoked // equal times may differ in their zones' pointers
	return times && a == b
}

func FuzzCheck(f *testing.F) {
	s, err := Open(filepath.Join(f.TempDir(), "keys.json"), time.Now)
	if err != nil {
		f.Fatal(err)
	}
	secret, _, err := s.Create("acme", "", Read, 0)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("heed_a1b2c3d4_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("")
	f.Fuzz(func(t *testing.T, guess string) {
		if _, err := s.Check(guess); err == nil && guess != secret {
			t.Fatalf("%q opened the door", guess)
		}
	})
}
