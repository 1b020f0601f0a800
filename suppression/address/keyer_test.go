package address

import (
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

var secret = []byte("0123456789abcdef0123456789abcdef")

// Keys are on disk and cannot be made again from a store: this vector never changes.
func TestKeyer_KeepsItsKeys(t *testing.T) {
	k := NewKeyer(secret, "acme", "email")
	check := func(got Key, want string) {
		t.Helper()
		if hex.EncodeToString(got[:]) != want {
			t.Errorf("%x, want %s", got, want)
		}
	}
	check(k.Key([]byte("ann@example.org")), "e3b7d4fdd218fc101478c227c267baab")
	check(k.FamilyKey([]byte("ann@example.org")), "2cb2724b343994633e64333f3d611dd7")
}

func TestKeyer_SharesNoKeyBetweenSpaces(t *testing.T) {
	seen := map[Key]string{}
	note := func(what string, k Key) {
		if other, ok := seen[k]; ok {
			t.Errorf("%s and %s share a key", what, other)
		}
		seen[k] = what
	}
	for _, s := range [][]byte{secret, []byte("another secret of thirty-two bytes")} {
		for _, space := range [][2]string{{"acme", "email"}, {"acme", "sms"}, {"acm", "eemail"}, {"", "email"}, {"email", ""}, {"acme\x00", "email"}} {
			k := NewKeyer(s, space[0], space[1])
			for _, form := range []string{"ann@example.org", "", "+4790000000"} {
				note(fmt.Sprintf("%q exact %q", space, form), k.Key([]byte(form)))
				note(fmt.Sprintf("%q family %q", space, form), k.FamilyKey([]byte(form)))
			}
		}
	}
}

func TestKeyer_TellsAddressesApart(t *testing.T) {
	k := NewKeyer(secret, "acme", "email")
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.SliceOf(rapid.Byte()).Draw(t, "a"), rapid.SliceOf(rapid.Byte()).Draw(t, "b")
		if (k.Key(a) == k.Key(b)) != slices.Equal(a, b) {
			t.Fatal("keys do not follow the forms")
		}
	})
}

func TestKeyer_KeysARowIsStoredUnder(t *testing.T) {
	k := NewKeyer(secret, "acme", "email")
	check := func(canonical string, family bool, want ...Key) {
		t.Helper()
		if got := k.AppendKeys(nil, []byte(canonical), family); !slices.Equal(got, want) {
			t.Errorf("%q: %x, want %x", canonical, got, want)
		}
	}
	ann := []byte("ann@gmail.com")
	check("a.nn+x@gmail.com", false, k.Key([]byte("a.nn+x@gmail.com")))
	check("a.nn+x@gmail.com", true, k.Key([]byte("a.nn+x@gmail.com")), k.FamilyKey(ann))
	check("ann@gmail.com", true, k.Key(ann), k.FamilyKey(ann))
	check("ann@example.org", true, k.Key([]byte("ann@example.org")))
	check("+4790000000", true, k.Key([]byte("+4790000000")))
}

// What one spelling of a family said for the whole of it is found by every other.
func TestKeyer_OneOfTheFamilySpeaksForAll(t *testing.T) {
	k := NewKeyer(secret, "acme", "email")
	spellings := []string{"ann@gmail.com", "a.n.n@gmail.com", "ann+news@gmail.com", "ann+x@googlemail.com"}
	for _, said := range spellings {
		stored := k.AppendKeys(nil, []byte(said), true)
		for _, asked := range spellings {
			found := func(key Key) bool { return slices.Contains(stored, key) }
			if !slices.ContainsFunc(k.AppendKeys(nil, []byte(asked), true), found) {
				t.Errorf("%s left, %s is not found", said, asked)
			}
		}
	}
}

func TestKeyer_RefusesAShortSecret(t *testing.T) {
	if CheckSecret(secret[:31]) != ErrSecret || CheckSecret(nil) != ErrSecret || CheckSecret(secret) != nil {
		t.Error("31 bytes are too few, 32 enough")
	}
	defer func() {
		if recover() != ErrSecret {
			t.Error("no panic")
		}
	}()
	NewKeyer(secret[:31], "acme", "email")
}

func TestKeyer_AllocatesNothing(t *testing.T) {
	k, room, form := NewKeyer(secret, "acme", "email"), make([]Key, 0, 2), []byte("a.nn+x@gmail.com")
	if n := testing.AllocsPerRun(100, func() { k.AppendKeys(room, form, true) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
