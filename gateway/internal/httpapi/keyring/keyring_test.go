package keyring

import (
	"slices"
	"strings"
	"testing"

	"heed/suppression"
	"heed/suppression/address"
	"heed/suppression/policy"
)

func ring(c policy.Channel) *Ring {
	return New(c, address.NewKeyer([]byte(strings.Repeat("s", address.MinSecret)), "acme", c.String()), "NO")
}

func TestAppendKeys_OneMailboxHasOneKey(t *testing.T) {
	keys := func(addr string, family bool) []suppression.Key {
		t.Helper()
		list, code := ring(policy.Email).AppendKeys(nil, []byte(addr), family)
		if code != "" {
			t.Fatalf("%s: %s", addr, code)
		}
		return list
	}
	if !slices.Equal(keys("Ann@Example.org", true), keys("ann@example.ORG", true)) {
		t.Error("case parts two")
	}
	tagged, plain := keys("ann+x@gmail.com", true), keys("a.n.n@gmail.com", true)
	if len(tagged) != 2 || tagged[0] == plain[0] || tagged[1] != plain[1] {
		t.Error("two spellings share the family key only")
	}
	if one := keys("ann+x@gmail.com", false); len(one) != 1 || one[0] != tagged[0] {
		t.Error("without the family there is the exact key alone")
	}
}

func TestAppendKeys_WhatIsNoAddressAddsNothing(t *testing.T) {
	check := func(c policy.Channel, addr, want string) {
		t.Helper()
		before := make([]suppression.Key, 3)
		if after, code := ring(c).AppendKeys(before, []byte(addr), true); code != want || len(after) != 3 {
			t.Errorf("%q: %q, %d keys", addr, code, len(after))
		}
	}
	check(policy.Email, "nobody", "address_syntax")
	check(policy.Email, "", "address_syntax")
	check(policy.SMS, "ann@example.org", "number_syntax")
	check(policy.SMS, "", "number_syntax")
}
