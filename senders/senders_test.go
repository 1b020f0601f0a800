package senders_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"heed/senders"
)

func TestError_SaysClassCodeAndDetailOnly(t *testing.T) { // P6
	check := func(e senders.Error, want string) {
		t.Helper()
		if got := e.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	check(senders.Error{Class: senders.Permanent, Code: "5.1.1", Detail: "550 no such user"}, "send: permanent 5.1.1: 550 no such user")
	check(senders.Error{Class: senders.Unknown}, "send: unknown")
	check(senders.Error{Class: senders.Unavailable, Detail: "dial: refused", Err: errors.New("ann@example.org")}, "send: unavailable: dial: refused")
	check(senders.Error{}, "send: invalid")
	check(senders.Error{Class: 77}, "send: invalid")
}

func TestAsError_LooksThroughWrapping(t *testing.T) {
	e := &senders.Error{Class: senders.Unavailable, Err: context.Canceled}
	got, ok := senders.AsError(fmt.Errorf("hand off: %w", e))
	if !ok || got != e || !errors.Is(got, context.Canceled) {
		t.Errorf("%v %v", got, ok)
	}
	if _, ok := senders.AsError(context.Canceled); ok {
		t.Error("found what is not there")
	}
}

func TestDetail(t *testing.T) { // P6
	check := func(words, recipient, want string) {
		t.Helper()
		if got := senders.Detail(words, recipient); got != want {
			t.Errorf("Detail(%q, %q) = %q, want %q", words, recipient, got, want)
		}
	}
	const ann = "ann@example.org"
	check("no such user", ann, "no such user")
	check("<ANN@Example.org>: unknown", ann, "<[address]>: unknown")
	check("two\nlines\r\n\x00of\twords ", ann, "two lines of words")
	check("rewritten to srs0=x=example.org=ann@relay.example, sorry", ann, "rewritten to [address], sorry")
	check("an\u00adn@example.org", ann, "[address]")
	check("queued as 1234567890", ann, "queued as 1234567890")
	check("connect to 192.168.100.200:25", ann, "connect to 192.168.100.200:25")
	check(`<"john doe"@example.org> is John Doe@example.org`, `"john doe"@example.org`, "<[address]> is [address][address]")
	check("пример@example.org", "Пример@example.org", "[address]")
	check("The 'To' number +14155552671 is bad", "+14155552671", "The 'To' number [address] is bad")
	check("call (1) 415-555-2671, error 21211", "+14155552671", "call ([address], error 21211")
	check("see https://www.twilio.com/docs/errors/21610", "+14155552671", "see https://www.twilio.com/docs/errors/21610")
	check(strings.Repeat("é", 150), ann, strings.Repeat("é", 100))
	check("\xff\xfe", ann, "")
}

// FuzzDetail: at most 200 printable bytes, valid UTF-8, and neither the address nor any other.
func FuzzDetail(f *testing.F) {
	f.Add("550 5.1.1 <ann@example.org>: no such user", "ann@example.org")
	f.Add("to +1 415 555 2671\r\n\x00", "+14155552671")
	f.Add("ＡＮＮ@ exam\u00adple.org \xff", "ann@example.org")
	f.Add(strings.Repeat("ann@example.org ", 400), "ann@example.org")
	f.Add(`"a b"@c`, `"a b"@c`)
	f.Fuzz(func(t *testing.T, words, recipient string) {
		got := senders.Detail(words, recipient)
		if len(got) > 200 || !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Fatalf("%q", got)
		}
		if strings.Contains(got, "@") {
			t.Fatalf("%q holds an address", got)
		}
		if strings.Contains(recipient, "@") && strings.Contains(strings.ToLower(got), strings.ToLower(recipient)) {
			t.Fatalf("%q holds %q", got, recipient)
		}
	})
}
