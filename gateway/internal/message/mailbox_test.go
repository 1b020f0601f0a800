package message

import (
	"bytes"
	"net/mail"
	"strings"
	"testing"
)

func TestParseMailbox_AcceptsWhatPeopleWrite(t *testing.T) { // RFC 5322 §3.4, RFC 6531 §3.3
	check := func(s, name, address string) {
		t.Helper()
		if m, err := parseMailbox(s); err != nil || m.name != name || m.address != address {
			t.Errorf("%q: got %q, %v", s, m, err)
		}
	}
	check("ann@example.org", "", "ann@example.org")
	check(" <Ann+tag@Example.org> ", "", "Ann+tag@Example.org")
	check("Ann Lee <ann@example.org>", "Ann Lee", "ann@example.org")
	check("Ann (Sales) <ann@example.org>", "Ann (Sales)", "ann@example.org")
	check(`"Lee, \"Ann\"" <ann@example.org>`, `Lee, "Ann"`, "ann@example.org")
	check("Zoë 🎉<z@example.org>", "Zoë 🎉", "z@example.org")
	check("=?utf-8?q?Zo=C3=AB?= <z@example.org>", "Zoë", "z@example.org")
	check(`"a b@c"@example.org`, "", `"a b@c"@example.org`)
	check("ann@bücher.example", "", "ann@xn--bcher-kva.example")
	check("ann@BÜCHER.example", "", "ann@xn--bcher-kva.example")
	check("zoë@bücher.example", "", "zoë@xn--bcher-kva.example")
	check("o'hara!#$%&*/=?^`{|}~@example.org", "", "o'hara!#$%&*/=?^`{|}~@example.org")
	check("postmaster@localhost", "", "postmaster@localhost")
	check(strings.Repeat("l", 64)+"@"+strings.Repeat("d", 63)+".example", "", strings.Repeat("l", 64)+"@"+strings.Repeat("d", 63)+".example")
}

// longDomain is a host name that leaves too little of the 254 bytes of an address (RFC 5321 §4.5.3.1.3) for the longest local part.
var longDomain = "@" + strings.Repeat(strings.Repeat("d", 60)+".", 3) + "example"

var badMailboxes = []string{
	"", " ", "ann", "@example.org", "ann@", "ann@@example.org", "a@b@example.org", "ann@example..org", "ann@.org", "ann@example.org.", "ann@-a.org", "ann@a-.org", "ann@a_b.org",
	".ann@example.org", "ann.@example.org", "a..n@example.org", "an n@example.org", "ann@exa mple.org", "ann@[127.0.0.1]", "ann@example.org, bob@example.org", "group: ann@example.org;",
	"<ann@example.org", "ann@example.org>", "Ann <ann@example.org> x", "<<ann@example.org>>", "<@relay:ann@example.org>", `"ann@example.org`, `"a"b@example.org`, "Ann, Lee <ann@example.org>",
	"ann@example.org\r\nBcc: eve@example.net", "Ann\x00 <ann@example.org>", "=?utf-8?q?x=0d=0aBcc:_y?= <ann@example.org>", "ann@ex\u00adample\xff.org", "ann@\u202eexample.org",
	"=?utf-8?q?x=0d=0aBcc?= <ann@example.org>", strings.Repeat("l", 64) + longDomain, "Ann <" + strings.Repeat("l", 64) + longDomain + ">",
	strings.Repeat("l", 65) + "@example.org", "ann@" + strings.Repeat("d", 64) + ".org", "ann@" + strings.Repeat("d.", 130) + "org", strings.Repeat("é", 33) + "@example.org",
}

func TestParseMailbox_RefusesTheRest(t *testing.T) {
	for _, s := range badMailboxes {
		if m, err := parseMailbox(s); err == nil {
			t.Errorf("%q: got %q", s, m)
		}
	}
}

func TestAppendMailboxField_ReadsBack(t *testing.T) { // RFC 5322 §3.4, RFC 2047 §5 (3)
	check := func(m mailbox) {
		t.Helper()
		field := appendMailboxField(nil, "From", m)
		checkLines(t, field)
		for _, line := range bytes.Split(field, crlf) {
			if len(line) > maxLine && !strings.Contains(string(line), m.address) {
				t.Errorf("line %q", line)
			}
		}
		read, err := mail.ReadMessage(bytes.NewReader(append(field, crlf...)))
		if err != nil {
			t.Fatal(err)
		}
		list, err := read.Header.AddressList("From")
		if err != nil || len(list) != 1 || list[0].Name != m.name || list[0].Address != m.address {
			t.Errorf("%q: %q: %v, %v", m, field, list, err)
		}
	}
	for _, name := range []string{
		"", "Ann", "Ann Lee", "Ann  Lee", " Ann", "Lee, Ann", `a"b\c`, "Ann (Sales) @home", "Zoë", "日本語の名前", strings.Repeat("é", 200), strings.Repeat("Ann ", 100) + "Lee", "=?utf-8?q?x?=", "a.b",
	} {
		check(mailbox{name, "ann@example.org"})
		check(mailbox{name, strings.Repeat("l", 64) + "@" + strings.Repeat("d", 60) + ".example.org"})
	}
}

func TestEmail_AddressesStandInTheHeader(t *testing.T) {
	c, r := content(), recipient()
	r.Vars = map[string]string{"name": "Ann"}
	c.From, c.ReplyTo, r.To = "Bücher <news@bücher.example>", "Zoë <reply@example.com>", "Ann Lee <ann@bücher.example>"
	h := read(t, mustRender(t, c, r)).header
	check := func(name, want string) {
		t.Helper()
		list, err := h.AddressList(name)
		if err != nil || len(list) != 1 || list[0].String() != want {
			t.Errorf("%s: %v, %v; want %s", name, list, err, want)
		}
	}
	check("From", "=?utf-8?q?B=C3=BCcher?= <news@xn--bcher-kva.example>")
	check("Reply-To", "=?utf-8?q?Zo=C3=AB?= <reply@example.com>")
	check("To", `"Ann Lee" <ann@xn--bcher-kva.example>`)
	c.From = "News@BÜCHER.Example"
	if got := mustCompile(t, c).Sender(); got != "News@xn--bcher-kva.example" {
		t.Errorf("sender %q", got)
	}
	c.From = "News@Example.COM"
	if got := mustCompile(t, c).Sender(); got != "News@example.com" {
		t.Errorf("sender %q", got)
	}
}

func FuzzParseMailbox(f *testing.F) {
	for _, s := range badMailboxes {
		f.Add(s)
	}
	for _, s := range []string{"ann@example.org", `"Lee, Ann" <ann@bücher.example>`, "=?utf-8?q?Zo=C3=AB?= <z@example.org>", `"a b"@example.org`, "zoë@example.org"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := parseMailbox(s)
		if err != nil {
			return
		}
		if hasControl(m.name) || hasControl(m.address) || len(m.address) > 254 {
			t.Fatalf("%q: got %q", s, m)
		}
		again, err := parseMailbox(m.address)
		if err != nil || again.address != m.address {
			t.Errorf("%q: address %q reads as %q, %v", s, m.address, again.address, err)
		}
		field := appendMailboxField(nil, "To", m)
		if bytes.Count(field, crlf) != bytes.Count(field, []byte("\r\n "))+1 {
			t.Errorf("%q: field %q", s, field)
		}
	})
}

func TestEmail_UTF8LocalPartStandsAsItIs(t *testing.T) { // RFC 6532 §3.2
	c, r := content(), recipient()
	r.To, r.Vars = "Zoë <zoë@bücher.example>", map[string]string{"name": "Zoë"}
	b, err := mustCompile(t, c).AppendEmail(nil, r)
	if err != nil {
		t.Fatal(err)
	}
	const to = "\r\nTo: =?utf-8?B?Wm/Dqw==?= <zoë@xn--bcher-kva.example>\r\n"
	if !bytes.Contains(b, []byte(to)) {
		t.Errorf("%q", b)
	}
	checkLines(t, bytes.Replace(b, []byte(to), crlf, 1)) // all else is 7-bit
}
