package smtprelay_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"net"
	"strings"
	"testing"

	"heed/senders/sendertest"
	"heed/senders/smtprelay"
)

func TestTLS_Modes(t *testing.T) { // RFC 3207, RFC 8314 §3.3
	server, client := sendertest.Certificate(t)
	check := func(name string, mode smtprelay.TLSMode, peer sendertest.SMTPOptions, cfg *tls.Config, want string) {
		t.Helper()
		p := sendertest.NewSMTPPeer(t, peer)
		relay := newRelay(t, smtprelay.Options{Addr: p.Addr, TLS: mode, TLSConfig: cfg})
		defer relay.Close()
		result, err := relay.Send(t.Context(), (&calls{}).message("ann@example.org"))
		if got := outcome(t, result, err); got != want {
			t.Errorf("%s: got %q, want %q (%v)", name, got, want, err)
		}
		if want != ok && bytes.Contains(p.Wire(), []byte("MAIL")) {
			t.Errorf("%s: MAIL was said", name)
		}
	}
	with := sendertest.SMTPOptions{TLS: server}
	without := sendertest.SMTPOptions{}
	script := func(s string) sendertest.SMTPOptions { return sendertest.SMTPOptions{TLS: server, Script: s} }

	check("required, offered", smtprelay.StartTLSRequired, with, client, ok)
	check("required, stripped", smtprelay.StartTLSRequired, without, client, "unavailable 4.7.5")
	check("required, refused", smtprelay.StartTLSRequired, script("starttls: 454 4.7.0 TLS not available"), client, "unavailable 4.7.0")
	check("required, unknown certificate", smtprelay.StartTLSRequired, with, &tls.Config{}, "unavailable 4.7.5")
	check("required, other name", smtprelay.StartTLSRequired, with, &tls.Config{RootCAs: client.RootCAs, ServerName: "other.example"}, "unavailable 4.7.5")
	check("required, injected bytes", smtprelay.StartTLSRequired, script(`starttls: "220 go\r\n250 PIPELINING"`), client, "unavailable 4.7.5")
	check("required, hangs up", smtprelay.StartTLSRequired, script("starttls: close"), client, "unavailable 4.7.5")
	check("if offered, offered", smtprelay.StartTLSIfOffered, with, client, ok)
	check("if offered, not offered", smtprelay.StartTLSIfOffered, without, client, ok)
	check("if offered, refused", smtprelay.StartTLSIfOffered, script("starttls: 454 4.7.0 TLS not available"), client, ok)
	check("if offered, unknown certificate", smtprelay.StartTLSIfOffered, with, &tls.Config{}, "unavailable 4.7.5")
	check("if offered, no EHLO", smtprelay.StartTLSIfOffered, sendertest.SMTPOptions{Script: "ehlo: 502 what"}, client, ok)
	check("implicit", smtprelay.ImplicitTLS, sendertest.SMTPOptions{TLS: server, Implicit: true}, client, ok)
	check("implicit, peer in clear", smtprelay.ImplicitTLS, without, client, "unavailable 4.7.5")
}

func TestTLS_SaysItsNameBeforeAndAfter(t *testing.T) {
	server, client := sendertest.Certificate(t)
	peer := sendertest.NewSMTPPeer(t, sendertest.SMTPOptions{TLS: server})
	relay := newRelay(t, smtprelay.Options{Addr: peer.Addr, TLSConfig: client})
	send(t, relay, &calls{}, ok)
	relay.Close()
	if n := strings.Count(string(peer.Wire()), "EHLO gateway.example.com\r\n"); n != 2 {
		t.Errorf("%d EHLO in %q", n, peer.Wire())
	}
}

func TestAuth_Mechanisms(t *testing.T) { // RFC 4954, RFC 4616
	check := func(auth, script, want, wire string) {
		t.Helper()
		peer := sendertest.NewSMTPPeer(t, sendertest.SMTPOptions{Script: script})
		relay := newRelay(t, smtprelay.Options{Addr: peer.Addr, Auth: auth, Username: "me", Password: "s3cret"})
		defer relay.Close()
		result, err := relay.Send(t.Context(), (&calls{}).message("ann@example.org"))
		if got := outcome(t, result, err); got != want {
			t.Errorf("got %q, want %q (%v)", got, want, err)
		}
		if !strings.Contains(string(peer.Wire()), wire) {
			t.Errorf("no %q on the wire", wire)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Error("the password is in the error")
		}
	}
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	plain := "AUTH PLAIN " + encode("\x00me\x00s3cret")
	check("", "", ok, plain)
	check("PLAIN", "", ok, plain)
	check("LOGIN", "auth: 334 "+encode("Password:")+"\nauth: close", "unavailable 4.4.2", "AUTH LOGIN "+encode("me"))
	check("", "auth: 535 5.7.8 s3cret is wrong", "unavailable 5.7.8", plain)
	check("", "ehlo: 250 peer.example", "unavailable 4.4.2", "EHLO")
}

// A password is not shown to whoever listens, whatever the peer offers.
func TestAuth_NeverInClear(t *testing.T) {
	inBubble(t, "", smtprelay.Options{Username: "me", Password: "s3cret"}, func(t *testing.T, r *smtprelay.Relay, p *sendertest.SMTPPeer) {
		send(t, r, &calls{}, "unavailable 4.4.2")
		if strings.Contains(string(p.Wire()), "AUTH") {
			t.Error("AUTH was said in clear")
		}
	})
}

func TestNew_NamesEveryFault(t *testing.T) {
	_, err := smtprelay.New(smtprelay.Options{Addr: "nowhere", Hello: "a b", Auth: "NTLM", MaxConns: -1, TLS: 9})
	for _, want := range []string{"Addr", "Hello", "Auth", "MaxConns", "TLS"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestTLSMode_Names(t *testing.T) {
	for _, m := range []smtprelay.TLSMode{smtprelay.NoTLS, smtprelay.ImplicitTLS, smtprelay.StartTLSIfOffered, smtprelay.StartTLSRequired} {
		if back, err := smtprelay.ParseTLSMode(m.String()); err != nil || back != m {
			t.Errorf("%v: %v, %v", m, back, err)
		}
	}
	if _, err := smtprelay.ParseTLSMode("ssl"); err == nil {
		t.Error("ssl is no mode")
	}
}

func TestDial_NobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	relay := newRelay(t, smtprelay.Options{Addr: l.Addr().String()})
	defer relay.Close()
	send(t, relay, &calls{}, "unavailable 4.4.1")
}

func TestDial_IsTheCallersToGuard(t *testing.T) {
	relay := newRelay(t, smtprelay.Options{Addr: "peer.example:25", Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, net.ErrClosed
	}})
	defer relay.Close()
	send(t, relay, &calls{}, "unavailable 4.4.1")
}
