package smtprelay_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"heed/senders"
	"heed/senders/sendertest"
	"heed/senders/smtprelay"
)

var hostile = []string{
	"\r\n", "\n", "\r", ".", "\r\n.\r\n", "\x00", " ", ">", "<", "\"", "\\", "@", "@example.org", "ann", "> NOTIFY=NEVER", " SIZE=1",
	"RSET", "MAIL FROM:<x@y>", "RCPT TO:<x@y>", "DATA", "QUIT", "é", "\u2028", "\xff", "[127.0.0.1]", ";", ":", ",", "(", "xn--", "\t", "\x7f",
}

// TestWire_NoInputBecomesACommandOrParameter: whatever stands in From, To and Body, a peer that reads lines sees one transaction with the
// parameters we mean, and the body as it was. RFC 5321 §4.1.1; the answer to CVE-2025-59937 and to SMTP smuggling.
func TestWire_NoInputBecomesACommandOrParameter(t *testing.T) {
	peer := sendertest.NewSMTPPeer(t, sendertest.SMTPOptions{})
	relay := newRelay(t, smtprelay.Options{Addr: peer.Addr})
	defer relay.Close()
	text := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(hostile), 0, 6).Draw(t, "pieces"), "")
	})
	address := rapid.OneOf(rapid.Just("ann@example.org"), text, rapid.Custom(func(t *rapid.T) string {
		return `"` + text.Draw(t, "local") + `"@example.org`
	}))
	rapid.Check(t, func(rt *rapid.T) {
		m := &senders.Message{From: address.Draw(rt, "from"), To: address.Draw(rt, "to"), Body: []byte(text.Draw(rt, "body"))}
		before, mails := len(peer.Commands()), len(peer.Mails())
		_, err := relay.Send(t.Context(), m)
		said, got := peer.Commands()[before:], peer.Mails()[mails:]
		if err != nil {
			if e, ok := senders.AsError(err); !ok || e.Class != senders.Permanent || slices.Contains(said, "MAIL") {
				rt.Fatalf("%v, and the wire saw %q", err, said)
			}
			return
		}
		checkTransaction(rt, said, got, m)
	})
}

func checkTransaction(t *rapid.T, said []string, got []sendertest.Mail, m *senders.Message) {
	if i := slices.Index(said, "MAIL"); i < 0 || !slices.Equal(said[i:], []string{"MAIL", "RCPT", "DATA"}) || len(got) != 1 {
		t.Fatalf("the wire saw %q and %d mails", said, len(got))
	}
	_, parameters := splitPath(t, got[0].From)
	for _, p := range strings.Fields(parameters) {
		if p != "BODY=8BITMIME" && p != "SMTPUTF8" && !strings.HasPrefix(p, "SIZE=") {
			t.Fatalf("parameter %q in %q", p, got[0].From)
		}
	}
	to, parameters := splitPath(t, got[0].To)
	if parameters != "" || to != m.To {
		t.Fatalf("RCPT TO:%s", got[0].To)
	}
	want := m.Body
	if !bytes.HasSuffix(want, []byte("\r\n")) {
		want = append(bytes.Clone(want), "\r\n"...)
	}
	if !bytes.Equal(got[0].Body, want) {
		t.Fatalf("body %q, want %q", got[0].Body, want)
	}
}

// splitPath cuts "<path> parameters" at the first bracket, as the most naive of peers would.
func splitPath(t *rapid.T, s string) (path, parameters string) {
	path, parameters, ok := strings.Cut(strings.TrimPrefix(s, "<"), ">")
	if !ok || !strings.HasPrefix(s, "<") {
		t.Fatalf("no path in %q", s)
	}
	return path, parameters
}

func TestWire_Extensions(t *testing.T) {
	check := func(name, ehlo, to, body, want string) {
		t.Helper()
		peer := sendertest.NewSMTPPeer(t, sendertest.SMTPOptions{Script: "ehlo: " + ehlo})
		relay := newRelay(t, smtprelay.Options{Addr: peer.Addr})
		defer relay.Close()
		k := &calls{}
		m := k.message(to)
		m.Body = []byte(body)
		result, err := relay.Send(t.Context(), m)
		if err != nil {
			if got := outcome(t, result, err); got != want || k.begun != 0 || slices.Contains(peer.Commands(), "MAIL") {
				t.Errorf("%s: %q after %q, want %q", name, got, peer.Commands(), want)
			}
			return
		}
		if got := peer.Mails()[0].From; got != want {
			t.Errorf("%s: MAIL FROM:%s, want %s", name, got, want)
		}
	}
	check("plain", "250 peer", "ann@example.org", "x\r\n", "<news@example.com>")
	check("IDN needs no SMTPUTF8", "250 peer", "ann@münchen.example", "x\r\n", "<news@example.com>")
	check("RFC 6531", "\"250-peer\\r\\n250 SMTPUTF8\"", "jörg@example.org", "x\r\n", "<news@example.com> SMTPUTF8")
	check("SMTPUTF8 only if needed", "\"250-peer\\r\\n250 SMTPUTF8\"", "ann@example.org", "x\r\n", "<news@example.com>")
	check("no SMTPUTF8", "250 peer", "jörg@example.org", "x\r\n", "permanent 5.6.7")
	check("RFC 6152", "\"250-peer\\r\\n250 8BITMIME\"", "ann@example.org", "é\r\n", "<news@example.com> BODY=8BITMIME")
	check("no 8BITMIME", "250 peer", "ann@example.org", "é\r\n", "permanent 5.6.3")
	check("RFC 1870", "\"250-peer\\r\\n250 SIZE 1000\"", "ann@example.org", "x\r\n", "<news@example.com> SIZE=3")
}
