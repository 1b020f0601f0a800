package app

import (
	"testing"

	"heed/gateway/internal/config"
	"heed/suppression/policy"
)

// A tenant that shares a gateway may send as itself only.
func TestTenants_SendAsWhatTheSettingsName(t *testing.T) {
	secret := make([]byte, secretSize)
	all := newTenants([]config.Tenant{{ID: "a", Senders: []string{"a.example", "post@shared.example", "+15005550006"}}, {ID: "free"}}, secret)
	check := func(tenant string, c policy.Channel, from string, want bool) {
		t.Helper()
		if got := all.maySend(tenant, c, from) == nil; got != want {
			t.Errorf("%s as %q: %v, want %v", tenant, from, got, want)
		}
	}
	check("a", policy.Email, "News <news@A.example>", true)
	check("a", policy.Email, "post@shared.example", true)
	check("a", policy.Email, "news@shared.example", false)
	check("a", policy.Email, "news@b.example", false)
	check("a", policy.Email, "news@sub.a.example", false)
	check("a", policy.Email, `"news@a.example" <news@b.example>`, false)
	check("a", policy.Email, "news@b.example, news@a.example", false)
	check("a", policy.Email, "a.example", false)
	check("a", policy.SMS, "+15005550006", true)
	check("a", policy.SMS, "+15005550007", false)
	check("free", policy.Email, "anybody@b.example", true)
}

// A STOP finds its tenant by the number texted; where there is one tenant it cannot miss.
func TestTenants_AreFoundByTheNumberTexted(t *testing.T) {
	secret := make([]byte, secretSize)
	check := func(list []config.Tenant, number, want string) {
		t.Helper()
		if got, ok := newTenants(list, secret).texted(number); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v, want %q", number, got, ok, want)
		}
	}
	two := []config.Tenant{{ID: "a", SMSNumbers: []string{"+15005550006"}}, {ID: "b"}}
	check(two, "+15005550006", "a")
	check(two, "+15005550007", "")
	check(two[:1], "+15005550007", "a")
	check(two[1:], "12345", "b")
	if deaf := newTenants(two, secret).deaf(); len(deaf) != 1 || deaf[0] != "b" {
		t.Errorf("deaf: %v", deaf)
	}
}
