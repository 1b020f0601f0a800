package twilio_test

import (
	"bytes"
	"testing"

	"heed/senders"
	"heed/senders/sendertest"
	"heed/senders/twilio"
)

const (
	account = "AC00000000000000000000000000000001"
	created = `201 Created
Content-Type: application/json

{"sid":"SM0123456789abcdef0123456789abcdef","status":"queued","to":"+14155552671","num_segments":"1","error_code":null}`
)

// scripts plays each scenario of the suite.
var scripts = map[sendertest.Scenario]string{
	sendertest.Accepts:   created,
	sendertest.Temporary: "408 Request Timeout\n\n<html>",
	sendertest.Permanent: "400 Bad Request\nContent-Type: application/json\n\n" +
		`{"code":21211,"message":"The 'To' number +14155552671 (1 415-555-2671) is not a valid phone number.","more_info":"https://www.twilio.com/docs/errors/21211","status":400}`,
	sendertest.Throttled:   "429 Too Many Requests\nRetry-After: 7\n\n" + `{"code":20429,"message":"Too many requests","status":429}`,
	sendertest.Unknown:     "close",
	sendertest.Unavailable: "401 Unauthorized\n\n" + `{"code":20003,"message":"Authenticate","status":401}`,
	sendertest.Silent:      "hang",
}

// The contract of package senders.
func TestSender_Conforms(t *testing.T) {
	sendertest.Run(t, sendertest.Harness{
		Open: func(t *testing.T, s sendertest.Scenario) (senders.Sender, sendertest.Peer) {
			peer := sendertest.NewHTTPPeer(t, scripts[s])
			return newSender(t, twilio.Options{BaseURL: peer.URL}), peer
		},
		Message: text("+14155552671"),
		Seen:    func(wire []byte) bool { return bytes.Contains(wire, []byte("14155552671")) },
	})
}

func text(to string) senders.Message {
	return senders.Message{ID: "m1", From: "+15005550006", To: to, Body: []byte("Hello & goodbye, Jörg")}
}

// newSender fills in what the tests do not care about.
func newSender(t *testing.T, o twilio.Options) *twilio.Sender {
	t.Helper()
	if o.AccountSid == "" {
		o.AccountSid = account
	}
	if o.AuthToken == "" && o.APIKey == "" {
		o.AuthToken = "token"
	}
	s, err := twilio.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}
