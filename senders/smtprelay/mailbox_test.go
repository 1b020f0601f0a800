package smtprelay

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"heed/senders"
)

// RFC 5321 §4.1.2, RFC 6531 §3.3, RFC 5891 §5
func TestWireMailbox(t *testing.T) {
	check := func(in, want string) {
		t.Helper()
		got, _, ok := wireMailbox(in)
		if !ok {
			got = ""
		}
		if got != want {
			t.Errorf("wireMailbox(%q) = %q, want %q", in, got, want)
		}
	}
	same := func(in string) { t.Helper(); check(in, in) }
	refused := func(in string) { t.Helper(); check(in, "") }

	same("ann@example.org")
	same("Ann.O'Hara+news@Example.ORG")
	same("a@b")
	same(`"john doe"@example.org`)
	same(`"john\"doe"@example.org`)
	same(`"a@b"@example.org`)
	same("ann@[192.0.2.1]")
	same("ann@[IPv6:2001:db8::1]")
	same("jörg@example.org")
	same("пример@example.org")
	check("ann@münchen.example", "ann@xn--mnchen-3ya.example")
	check("ann@MÜNCHEN.example", "ann@xn--mnchen-3ya.example")

	refused("")
	refused("@")
	refused("ann")
	refused("@example.org")
	refused("ann@")
	refused("a@b> NOTIFY=NEVER")
	refused("a b@example.org")
	refused(" ann@example.org")
	refused("ann@example.org ")
	refused("<ann@example.org>")
	refused(`"a> NOTIFY=NEVER"@example.org`)
	refused("ann@example.org\r\nRCPT TO:<x@y>")
	refused("ann\n@example.org")
	refused("ann\x00@example.org")
	refused("\"a\rb\"@example.org")
	refused("ann\u2028@example.org")
	refused("ann\u00a0b@example.org")
	refused("ann@exam ple.org")
	refused("ann@example..org")
	refused("ann@-example.org")
	refused("ann@example.org.")
	refused(".ann@example.org")
	refused("a..b@example.org")
	refused(`"unfinished@example.org`)
	refused(`"a\"@example.org`)
	refused(`"a\b"@example.org`)
	refused("ann@[192.0.2.1")
	refused("ann@[192.0.2.1]x")
	refused("ann@[2001:db8::1]")
	refused("ann@[IPv6:fe80::1%eth0]")
	refused("ann@[IPv6:192.0.2.1]")
	refused("ann@exa_mple.org")
	refused("\xff@example.org")
	refused("a,b@example.org")
	refused("@relay.example:ann@example.org")
	refused(strings.Repeat("a", 65) + "@example.org")
	refused("ann@" + strings.Repeat("a", 64) + ".org")
	refused("ann@" + strings.Repeat("a.", 130) + "org")
}

func TestWireMailbox_OnlyTheLocalPartAsksForUTF8(t *testing.T) { // RFC 6531 §3.1.2
	for in, want := range map[string]bool{"ann@example.org": false, "ann@münchen.example": false, "jörg@example.org": true} {
		if _, got, ok := wireMailbox(in); !ok || got != want {
			t.Errorf("%q: needs UTF-8 %v, want %v", in, got, want)
		}
	}
}

// isOnePath holds a path that came through against the grammar, by other means than the code under test: outside of quotes no byte that
// ends a path or a line, inside of them no end of the quotes but the last.
func isOnePath(path string) bool {
	if strings.ContainsAny(path, "<>\r\n\x00\t") {
		return false
	}
	inQuotes, escaped := false, false
	for _, r := range path {
		switch {
		case escaped:
			escaped = false
		case inQuotes && r == '\\':
			escaped = true
		case r == '"':
			inQuotes = !inQuotes
		case !inQuotes && r == ' ':
			return false
		}
	}
	return !inQuotes && !escaped
}

// FuzzMailbox: whatever the address, what reaches the wire is one path or nothing (go-smtp writes it raw).
func FuzzMailbox(f *testing.F) {
	for _, s := range []string{
		"ann@example.org", "a@b> NOTIFY=NEVER", `"a b"@c`, "jörg@münchen.example", "a@[IPv6:::1]", "a\r\nDATA\r\n@b", `"\\"@b`, "a@b\x00", "a@＠b",
		"a@xn--", "a@b\u3002c", "a@\u202eb",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		path, _, ok := wireMailbox(in)
		if !ok {
			return
		}
		if !isOnePath(path) || len(path) > maxPath {
			t.Fatalf("%q came through as %q", in, path)
		}
		if again, _, ok := wireMailbox(path); !ok || again != path {
			t.Fatalf("%q is not stable: %q", path, again)
		}
	})
}

// RFC 5321 §2.3.8, RFC 5322 §2.1.1
func TestBodyFault(t *testing.T) {
	check := func(in, want string) {
		t.Helper()
		got, _ := bodyFault([]byte(in))
		if !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("bodyFault(%.40q) = %q, want %q", in, got, want)
		}
	}
	check("", "")
	check("a\r\nb\r\n", "")
	check("no line end", "")
	check("\r\n\r\n", "")
	check(strings.Repeat("x", 998)+"\r\n", "")
	check("a\nb\r\n", "bare LF")
	check("\n", "bare LF")
	check("a\rb\r\n", "bare CR")
	check("a\r", "bare CR")
	check("a\r\r\n", "bare CR")
	check("a\r\n.\rb", "bare CR")
	check("a\x00b\r\n", "NUL")
	check(strings.Repeat("x", 999), "998")
	check(strings.Repeat("x", 999)+"\r\n", "998")
}

// TestBody_NoBareLineEndPasses is the property behind it, over bodies made of the bytes that matter.
func TestBody_NoBareLineEndPasses(t *testing.T) { // SMTP smuggling: CVE-2023-51764 and its kin
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOf(rapid.SampledFrom([]string{"\r", "\n", "\r\n", ".", "a", "MAIL FROM:<x@y>", "\x80", "\r\n.\r\n"})).Draw(t, "pieces")
		body := []byte(strings.Join(pieces, ""))
		fault, eightBit := bodyFault(body)
		rest := bytes.ReplaceAll(body, []byte("\r\n"), nil)
		if bare := bytes.ContainsAny(rest, "\r\n"); bare != (fault != "") {
			t.Fatalf("%q: fault %q, bare line end %v", body, fault, bare)
		}
		if fault == "" && eightBit != bytes.Contains(body, []byte{0x80}) {
			t.Fatalf("%q: eight bit %v", body, eightBit)
		}
	})
}

func TestEnvelope_RefusalsAreNamedByCode(t *testing.T) { // RFC 3463 §3
	check := func(from, to, body, want string) {
		t.Helper()
		_, err := newEnvelope(&senders.Message{From: from, To: to, Body: []byte(body)})
		got := ""
		if e, ok := senders.AsError(err); ok {
			got = e.Code
			if e.Class != senders.Permanent {
				t.Errorf("class %v", e.Class)
			}
		}
		if got != want {
			t.Errorf("newEnvelope(%q, %q) = %q, want %q", from, to, got, want)
		}
	}
	check("a@b", "c@d", "x\r\n", "")
	check("", "c@d", "x\r\n", "") // the null path, RFC 5321 §4.5.5
	check("a@b", "c d@e", "x\r\n", "5.1.3")
	check("a@b", "", "x\r\n", "5.1.3")
	check("a b@c", "c@d", "x\r\n", "5.1.7")
	check("a@b", "c@d", "x\n", "5.6.0")
}
