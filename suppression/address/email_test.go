package address

import (
	"bytes"
	"errors"
	"net/mail"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

func email(t interface {
	Helper()
	Fatalf(string, ...any)
}, addr string) string {
	t.Helper()
	form, err := AppendEmail(nil, []byte(addr))
	if err != nil {
		t.Fatalf("%q: %v", addr, err)
	}
	return string(form)
}

func TestAppendEmail_OneMailboxHasOneForm(t *testing.T) {
	check := func(want string, spellings ...string) {
		t.Helper()
		for _, s := range spellings {
			if got := email(t, s); got != want {
				t.Errorf("%q is %q, want %q", s, got, want)
			}
		}
	}
	check("ann@example.org", "ann@example.org", "Ann@Example.ORG", "  ann@example.org\t", "ann@example.org.", `"ann"@example.org`,
		`"a\nn"@example.org`, "ann@ｅｘａｍｐｌｅ.org", "ann@example。org")
	check("ann+x.y_z@example.org", "Ann+X.Y_Z@example.org", `"ann+x.y_z"@example.org`)
	check("ann@xn--bcher-kva.example", "ann@bücher.example", "ann@BÜCHER.example", "ann@xn--bcher-kva.example", "ann@XN--Bcher-KVA.example",
		"ann@bu\u0308cher.example") // RFC 5891 §5: U-label and A-label are one domain
	check("ann@xn--strae-oqa.example", "ann@straße.example") // not strasse: RFC 5894 §7.2
	check("müller@example.org", "MÜLLER@example.org", "mu\u0308ller@example.org", `"müller"@example.org`)
	check("νικοσ@example.org", "νικος@example.org", "ΝΙΚΟΣ@example.org") // final sigma has no upper case of its own
	check(`"ann smith"@example.org`, `"Ann Smith"@example.org`, `"Ann\ Smith"@EXAMPLE.org`)
	check(`"a\"b\\c"@example.org`, `"a\"b\\c"@example.org`) // RFC 5321 §4.1.2 quoted-pairSMTP
	check(`"a@b"@example.org`, `"A@b"@example.org`)
	check(`".ann."@example.org`, `".ann."@example.org`) // not a dot-atom without its quotes
	check("root@localhost", "root@LOCALHOST")
	check("a@r3---sn.example", "a@r3---sn.example")
}

func TestAppendEmail_DistinctMailboxesStayDistinct(t *testing.T) {
	check := func(a, b string) {
		t.Helper()
		if email(t, a) == email(t, b) {
			t.Errorf("%q and %q are one", a, b)
		}
	}
	check("ann@example.org", "ann+x@example.org")
	check("a.nn@gmail.com", "ann@gmail.com")       // the exact form knows no provider
	check("ﬁona@example.org", "fiona@example.org") // NFC, not NFKC
	check("аnn@example.org", "ann@example.org")    // Cyrillic а: confusables are not merged
	check("ann@exаmple.org", "ann@example.org")
	check("ann@example.org", "ann@mail.example.org")
}

func TestAppendEmail_RefusesAndSaysWhy(t *testing.T) { // RFC 5321 §4.1.2
	check := func(want error, addrs ...string) {
		t.Helper()
		for _, addr := range addrs {
			dst := []byte("kept")
			got, err := AppendEmail(dst, []byte(addr))
			if err != want || string(got) != "kept" {
				t.Errorf("%q: %q, %v; want %v", addr, got, err, want)
			}
			if !errors.Is(want, ErrTooLong) && !errors.Is(err, ErrSyntax) {
				t.Errorf("%q: %v is not ErrSyntax", addr, err)
			}
		}
	}
	check(errNoAt, "", "   ", "ann", "ann.example.org", `"ann@example.org"`, `"ann"x@example.org`)
	check(errSeveralAt, "ann@bob@example.org", "ann@example.org, bob@example.org", `"ann"@x@example.org`)
	check(errLocal, "@example.org", `""@example.org`, ".ann@example.org", "ann.@example.org", "a..n@example.org", "an n@example.org",
		"Ann <ann@example.org>", "<ann@example.org>", "ann(home)@example.org", `a"n"n@example.org`, "a,b@example.org")
	check(errQuote, `"ann@example.org`, `"ann\"@example.org`, "\"a\\é\"@example.org")
	check(errDomain, "ann@", "ann@.", "ann@example..org", "ann@.example.org", "ann@example.org..", "ann@-a.org", "ann@a-.org", "ann@a_b.org",
		"ann@exa mple.org", "ann@example.org>", "ann@192.0.2.1", "ann@example.123", "ann@xn--a.org", "ann@xn--.org",
		"ann@"+strings.Repeat("a", 64)+".org", "ann@\u05d01.a\u05d0.org")
	check(errLiteral, "ann@[192.0.2.1]", "ann@[IPv6:2001:db8::1]")
	check(errControl, "ann@example.org\r\nBcc: x", "a\x00nn@example.org", "ann@example.org\n", "\"a\tb\"@example.org", "a\u202Enn@example.org",
		"ann@exam\u200Fple.org", "a\u00a0nn@example.org", "\uFEFFann@example.org", "a\u0085b@example.org", "\x7f@example.org")
	check(errUTF8, "\xffann@example.org", "ann@ex\xc3mple.org")
	check(ErrTooLong, "a@"+strings.Repeat("a.", 130)+"org", strings.Repeat("a", 300)+"@example.org", strings.Repeat("a", maxEmail-11)+"@example.org",
		strings.Repeat(" ", 9)+strings.Repeat("a", 5000))
}

func TestAppendEmail_TakesExactly254Bytes(t *testing.T) { // RFC 5321 §4.5.3.1.3
	local := strings.Repeat("a", maxEmail-len("@example.org"))
	if got := email(t, local+"@example.org"); len(got) != maxEmail {
		t.Errorf("%d bytes", len(got))
	}
}

func TestAppendEmail_ErrorsNeverHoldTheAddress(t *testing.T) { // P6
	for _, err := range []error{errNoAt, errSeveralAt, errUTF8, errControl, errLocal, errQuote, errDomain, errLiteral, ErrTooLong, ErrRegion,
		errDigits, errPossible} {
		if s := err.Error(); strings.Contains(s, "ann") || strings.Contains(s, "example") || !strings.HasPrefix(s, "address: ") {
			t.Errorf("%q", s)
		}
	}
}

// drawEmail draws an address by the grammar: bare and quoted local parts, ASCII and other domains.
func drawEmail(t *rapid.T, label string) string {
	local := rapid.StringMatching(`[a-zA-Z0-9!#$+=_äÖßσςΣİıſKé-]{1,12}(\.[a-zA-Z0-9ñ]{1,5}){0,2}`).Draw(t, label+" local")
	if rapid.Bool().Draw(t, label+" quoted") {
		local = `"` + local + `"`
	}
	return local + "@" + rapid.SampledFrom([]string{"example.org", "EXAMPLE.net", "bücher.example", "xn--bcher-kva.example", "straße.example",
		"例え.jp", "gmail.com", "a.b.c.example."}).Draw(t, label+" domain")
}

func TestAppendEmail_IsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		once := email(t, drawEmail(t, "address"))
		if twice := email(t, once); twice != once {
			t.Fatalf("%q became %q", once, twice)
		}
	})
}

func TestAppendEmail_IgnoresCase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		addr := drawEmail(t, "address")
		other := rapid.SampledFrom([]func(rune) rune{unicode.ToUpper, unicode.ToLower, unicode.SimpleFold}).Draw(t, "case")
		changed := strings.Map(func(r rune) rune {
			if strings.ContainsRune("ıİßſK", r) { // their other case is another letter, or several
				return r
			}
			return other(r)
		}, addr)
		if a, b := email(t, addr), email(t, changed); a != b {
			t.Fatalf("%q is %q, %q is %q", addr, a, changed, b)
		}
	})
}

func TestAppendEmail_NeverJoinsHostsNorLosesTheMailbox(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := email(t, drawEmail(t, "a")), email(t, drawEmail(t, "b"))
		localA, hostA, _ := strings.Cut(a, "@")
		_, hostB, _ := strings.Cut(b, "@")
		if localA == "" || a == b && hostA != hostB {
			t.Fatalf("%q and %q", a, b)
		}
	})
}

// The fast path may only decline, never differ.
func TestAppendEmail_BothPathsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		addr := []byte(rapid.StringMatching(`[a-zA-Z0-9.+_-]{0,8}@?[a-zA-Z0-9.-]{0,12}(xn--)?[a-z0-9.@ -]{0,6}`).Draw(t, "address"))
		fast, ok := appendPlain(nil, addr)
		slow, err := appendIntricate(nil, addr)
		if ok && (err != nil || !bytes.Equal(fast, slow)) {
			t.Fatalf("%q: fast %q, slow %q, %v", addr, fast, slow, err)
		}
	})
}

func TestAppendEmail_AllocatesNothingForPlainAddresses(t *testing.T) {
	dst, addr := make([]byte, 0, 64), []byte("Ann.Smith+news@Example.ORG")
	if n := testing.AllocsPerRun(100, func() {
		if form, err := AppendEmail(dst, addr); err != nil || len(form) != len(addr) {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	refused := []byte("ann@example@org")
	if n := testing.AllocsPerRun(100, func() { _, _ = AppendEmail(dst, refused) }); n > 1 {
		t.Errorf("%v allocations for a refusal", n)
	}
}

func FuzzAppendEmail(f *testing.F) {
	for _, seed := range []string{"ann@example.org", `"a\"b"@bücher.example`, "İı@xn--bcher-kva.example.", "a@[::1]", "\u037ea@x.y", "\"\u0338\"@x.y",
		"a\u0345@x.y", "σς\u0301@例え。jp", "a@xn--0.x", "\"\"@x", "a@b@c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, addr string) {
		form, err := AppendEmail(nil, []byte(addr))
		if err != nil {
			if !errors.Is(err, ErrSyntax) && !errors.Is(err, ErrTooLong) || form != nil {
				t.Fatalf("%q: %q, %v", addr, form, err)
			}
			return
		}
		if again := email(t, string(form)); again != string(form) {
			t.Fatalf("%q: %q became %q", addr, form, again)
		}
		checkForm(t, addr, string(form))
	})
}

// checkForm holds whatever is accepted against net/mail, which takes more than we do and must take all we give.
func checkForm(t *testing.T, addr, form string) {
	t.Helper()
	at := strings.LastIndexByte(form, '@')
	if at < 1 || len(form) > maxEmail || strings.ContainsFunc(form, unicode.IsControl) {
		t.Fatalf("%q gives %q", addr, form)
	}
	domain := form[at+1:]
	if strings.ToLower(domain) != domain || strings.Trim(domain, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" {
		t.Fatalf("%q has the domain %q", addr, domain)
	}
	if parsed, err := mail.ParseAddress("<" + form + ">"); err != nil || parsed.Name != "" {
		t.Fatalf("%q gives %q, which is no address to net/mail: %v", addr, form, err)
	}
}
