package smtprelay_test

import (
	"bytes"
	"testing"

	"heed/senders"
	"heed/senders/sendertest"
	"heed/senders/smtprelay"
)

const mail = "From: News <news@example.com>\r\nSubject: hello\r\n\r\n.a line that begins with a dot\r\nbye\r\n"

// scripts plays each scenario of the suite.
var scripts = map[sendertest.Scenario]string{
	sendertest.Accepts:     "",
	sendertest.Temporary:   "rcpt: 450 4.2.1 greylisted, come back later",
	sendertest.Permanent:   "rcpt: 550 5.1.1 <Ann@Example.ORG>: no such user ann@example.org here",
	sendertest.Throttled:   "mail: 421 4.7.28 too much mail from you",
	sendertest.Unknown:     "dot: close",
	sendertest.Unavailable: "greeting: 554 5.7.1 not for you",
	sendertest.Silent:      "dot: hang",
}

// RFC 5321, RFC 1047; the contract of package senders.
func TestRelay_Conforms(t *testing.T) {
	sendertest.Run(t, sendertest.Harness{
		Open: func(t *testing.T, s sendertest.Scenario) (senders.Sender, sendertest.Peer) {
			peer := sendertest.NewSMTPPeer(t, sendertest.SMTPOptions{Script: scripts[s]})
			return newRelay(t, smtprelay.Options{Addr: peer.Addr}), peer
		},
		Message: senders.Message{ID: "m1", From: "news@example.com", To: "ann@example.org", Body: []byte(mail)},
		Seen: func(wire []byte) bool {
			return bytes.Contains(wire, []byte("MAIL FROM")) || bytes.Contains(wire, []byte("ann@example.org"))
		},
	})
}

// newRelay fills in what the tests do not care about.
func newRelay(t *testing.T, o smtprelay.Options) *smtprelay.Relay {
	t.Helper()
	if o.Hello == "" {
		o.Hello = "gateway.example.com"
	}
	if o.TLS == smtprelay.StartTLSRequired && o.TLSConfig == nil {
		o.TLS = smtprelay.NoTLS
	}
	r, err := smtprelay.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
