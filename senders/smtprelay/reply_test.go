package smtprelay

import (
	"strings"
	"testing"

	"heed/senders"
)

func TestQueueID(t *testing.T) {
	check := func(words, want string) {
		t.Helper()
		if got := queueID(words); got != want {
			t.Errorf("queueID(%q) = %q, want %q", words, got, want)
		}
	}
	check("2.0.0 Ok: queued as 4XyZ12", "4XyZ12")
	check("OK id=1tAbCd-0000-Ef", "1tAbCd-0000-Ef")
	check("2.0.0 OK 1700000000 abc.12 - gsmtp", "")
	check("queued as <script>", "")
	check("queued as "+strings.Repeat("a", 100), strings.Repeat("a", 64))
}

// FuzzReply: whatever the words of a reply, the error has a class, a code of RFC 3463's shape and a printable detail without the address.
func FuzzReply(f *testing.F) {
	f.Add(550, "5.1.1 no such user", uint8(phaseRcpt))
	f.Add(421, "4.7.0 slow\n4.7.0 down", uint8(phaseGreeting))
	f.Add(250, "2.0.0 Ok: queued as 4XyZ", uint8(phaseDot))
	f.Add(554, "5.-1.9999999999 <ann@example.org> \x00\r\xff", uint8(phaseDot))
	f.Add(552, "", uint8(phaseData))
	f.Fuzz(func(t *testing.T, code int, words string, p uint8) {
		at := phase(p % uint8(phaseDot+1))
		e := failure(at, newReply(code, words), "ann@example.org")
		if e.Class < senders.Temporary || e.Class > senders.Unavailable {
			t.Fatalf("class %d", e.Class)
		}
		enhanced, ok := parseEnhanced(e.Code)
		if !ok || isRefusal(code) && enhanced[0] != code/100 {
			t.Fatalf("code %q of reply %d", e.Code, code)
		}
		if at == phaseDot && !isRefusal(code) && e.Class != senders.Unknown {
			t.Fatalf("%v after the final dot", e.Class)
		}
		if len(e.Detail) > 200 || strings.Contains(strings.ToLower(e.Error()), "ann@example.org") || strings.ContainsAny(e.Detail, "\r\n\x00") {
			t.Fatalf("detail %q", e.Detail)
		}
		if id := queueID(words); len(id) > 64 || strings.ContainsAny(id, " @<>\r\n") {
			t.Fatalf("queue id %q", id)
		}
	})
}

func TestOffers(t *testing.T) { // RFC 5321 §4.1.1.1
	ehlo := "peer.example greets\nSIZE 1000\nstarttls\nAUTH PLAIN LOGIN"
	for extension, want := range map[string]bool{"STARTTLS": true, "SIZE": true, "AUTH": true, "PLAIN": false, "PEER.EXAMPLE": false} {
		if got := offers(ehlo, extension); got != want {
			t.Errorf("offers(%s) = %v", extension, got)
		}
	}
}

// The table of the package comment, row by row.
func TestRefusalClass(t *testing.T) {
	check := func(p phase, code int, words string, class senders.Class, enhanced string) {
		t.Helper()
		e := refusal(p, newReply(code, words), "")
		if e.Class != class || e.Code != enhanced {
			t.Errorf("%v %d %s: %v %s, want %v %s", p, code, words, e.Class, e.Code, class, enhanced)
		}
	}
	check(phaseGreeting, 421, "4.7.0 too many", senders.Throttled, "4.7.0")
	check(phaseGreeting, 421, "too many", senders.Unavailable, "4.3.2")
	check(phaseGreeting, 554, "", senders.Unavailable, "5.0.0")
	check(phaseAuth, 535, "", senders.Unavailable, "5.7.8")
	check(phaseAuth, 454, "4.7.0 later", senders.Unavailable, "4.7.0")
	check(phaseMail, 530, "5.7.0 log in", senders.Unavailable, "5.7.0")
	check(phaseMail, 452, "", senders.Temporary, "4.3.1")
	check(phaseRcpt, 450, "", senders.Temporary, "4.2.0")
	check(phaseRcpt, 550, "", senders.Permanent, "5.0.0")
	check(phaseRcpt, 550, "5.0.0 no", senders.Permanent, "5.0.0")
	check(phaseRcpt, 552, "", senders.Permanent, "5.2.2")
	check(phaseDot, 552, "", senders.Permanent, "5.3.4")
	check(phaseDot, 554, "5.7.1 spam", senders.Permanent, "5.7.1")
}
