package sandbox_test

import (
	"bytes"
	"net/url"
	"testing"

	"heed/gateway/internal/sandbox"
	"heed/senders"
	"heed/senders/smtprelay"
	"heed/senders/twilio"
)

// The senders and the sandbox meet on the wire: what one hands off, the other shows, byte by byte.
func TestInbox_TakesWhatTheRelayHandsOff(t *testing.T) {
	addr, base := startInbox(t, sandbox.Limits{})
	relay, err := smtprelay.New(smtprelay.Options{Addr: addr, TLS: smtprelay.NoTLS, Hello: "gateway.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	body := []byte("Subject: x\r\n\r\n.\r\n..\r\nend without a line end")
	for to, shown := range map[string]string{
		"ann+news@example.org":   "ann+news@example.org",
		`"john doe"@example.org`: `"john doe"@example.org`,
		"ann@münchen.example":    "ann@xn--mnchen-3ya.example",
		"jörg@example.org":       "jörg@example.org",
	} {
		if _, err := relay.Send(t.Context(), &senders.Message{From: "news@example.com", To: to, Body: body}); err != nil {
			t.Errorf("%s: %v", to, err)
			continue
		}
		found := find(t, base, url.QueryEscape(shown))
		if len(found) != 1 || !bytes.Equal(found[0].Raw, append(bytes.Clone(body), "\r\n"...)) {
			t.Errorf("%s: %+v", to, found)
		}
	}
}

func TestPhones_TakeWhatTheSenderHandsOff(t *testing.T) {
	base := startPhones(t)
	sender, err := twilio.New(twilio.Options{AccountSid: account, AuthToken: token, BaseURL: base})
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	check := func(to, from, code string, class senders.Class) {
		t.Helper()
		result, err := sender.Send(t.Context(), &senders.Message{From: from, To: to, Body: []byte("Hello é")})
		if e, ok := senders.AsError(err); code != "" {
			if !ok || e.Code != code || e.Class != class {
				t.Errorf("%s to %s: %v, want %v %s", from, to, err, class, code)
			}
			return
		}
		if found := find(t, base, to); err != nil || len(found) != 1 || found[0].ID != result.ProviderID {
			t.Errorf("%s to %s: %v, %v, %+v", from, to, result, err, found)
		}
	}
	const from = "+15005550006"
	check("+14155552671", from, "", 0)
	check("+15005550001", from, "21211", senders.Permanent)
	check("+15005550004", from, "21610", senders.Permanent)
	check("+15005550009", from, "21614", senders.Permanent)
	check("+14155552671", "+15005550008", "21611", senders.Throttled)
}

// BenchmarkRelayToInbox: one op is one mail of 2 kB over a kept connection, on loopback.
func BenchmarkRelayToInbox(b *testing.B) {
	o := sandbox.InboxOptions{SMTP: listen(b), HTTP: listen(b), Limits: sandbox.Limits{Messages: 10_000}}
	run(b, sandbox.NewInbox(o).Run)
	relay, err := smtprelay.New(smtprelay.Options{Addr: o.SMTP.Addr().String(), TLS: smtprelay.NoTLS, Hello: "gateway.example.com", MaxConns: 16, MaxPerConn: 10_000})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { relay.Close() })
	m := &senders.Message{From: "news@example.com", To: "ann@example.org", Body: bytes.Repeat([]byte("0123456789012345678\r\n"), 100)}
	b.ReportAllocs()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := relay.Send(b.Context(), m); err != nil {
				b.Error(err)
			}
		}
	})
}
