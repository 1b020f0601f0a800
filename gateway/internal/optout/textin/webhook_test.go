package textin

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"heed/gateway/internal/optout"
	"heed/gateway/internal/optout/optouttest"
	"heed/suppression"
	"heed/suppression/policy"
)

const formType = "application/x-www-form-urlencoded"

const vectorURL = "https://mycompany.com/myapp.php?foo=1&bar=2"

func vectorForm() url.Values {
	return url.Values{"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+14158675309"}, "Digits": {"1234"}, "From": {"+14158675309"}, "To": {"+18005551212"}}
}

func TestValid_KnownSignatures(t *testing.T) { // Twilio, Security: validating requests, with its own vectors
	check := func(rawURL, contentType, body, signature string) {
		t.Helper()
		if !Valid([]string{"12345"}, rawURL, contentType, []byte(body), signature) {
			t.Errorf("%s with %s is refused", rawURL, body)
		}
		for _, bad := range []string{"", "=", signature + "=", strings.ToLower(signature), base64.StdEncoding.EncodeToString(make([]byte, 20))} {
			if Valid([]string{"12345"}, rawURL, contentType, []byte(body), bad) {
				t.Errorf("%q is taken", bad)
			}
		}
		if Valid([]string{"54321"}, rawURL, contentType, []byte(body), signature) || Valid(nil, rawURL, contentType, []byte(body), signature) {
			t.Error("another token's signature is taken")
		}
		if Valid([]string{"12345"}, rawURL, contentType, []byte(body+"&A=b"), signature) || Valid([]string{"12345"}, rawURL+"&x", contentType, []byte(body), signature) {
			t.Error("another request's signature is taken")
		}
		if !Valid([]string{"new", "12345"}, rawURL, contentType, []byte(body), signature) {
			t.Error("the second token is not tried")
		}
	}
	form := vectorForm()
	check(vectorURL, formType, form.Encode(), "RSOYDt4T1cUTdK1PDd93/VVr8B8=")
	check("https://mycompany.com:443/myapp.php?foo=1&bar=2", formType, form.Encode(), "RSOYDt4T1cUTdK1PDd93/VVr8B8=")
	form.Set("ReasonConferenceEnded", "test")
	form.Set("Reason", "Participant")
	check(vectorURL, formType, form.Encode(), "vOEb5UThFn24KEfnOFLQY2AE5FY=")
	check(vectorURL+"&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620", "application/json",
		`{"property": "value", "boolean": true}`, "a9nBmqA0ju/hNViExpshrM61xv4=")
}

func TestValid_WithAndWithoutTheDefaultPort(t *testing.T) { // Twilio, Security: validating requests
	check := func(signedURL, calledURL string, want bool) {
		t.Helper()
		body := vectorForm().Encode()
		form, err := parseForm(formType, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if got := Valid([]string{"12345"}, calledURL, formType, []byte(body), sign("12345", signedURL+sorted(form))); got != want {
			t.Errorf("signed %s, configured %s: %v", signedURL, calledURL, got)
		}
	}
	check("https://a.example:443/in", "https://a.example/in", true)
	check("https://a.example/in", "https://a.example:443/in", true)
	check("http://a.example:80/in", "http://a.example/in", true)
	check("http://a.example", "http://a.example:80", true)
	check("https://[::1]:443/in?a=:b", "https://[::1]/in?a=:b", true)
	check("https://[::1]/in", "https://[::1]:443/in", true)
	check("https://a.example:80/in", "https://a.example/in", false)
	check("https://a.example:443/in", "http://a.example/in", false)
	check("https://b.example/in", "https://a.example/in", false)
}

func TestValid_RepeatedFieldsAsTwiliosNodeLibrary(t *testing.T) { // Twilio, Security: validating requests
	form, err := parseForm(formType, []byte("b=2&a=y&a=x&a=y&b=1"))
	if err != nil {
		t.Fatal(err)
	}
	if got := sorted(form); got != "axayb1b2" {
		t.Error(got)
	}
}

const (
	hookURL = "https://gw.example/in/twilio"
	ours    = "+15005550006"
	theirs  = "+14155552671"
)

var senderKey = suppression.Key{7}

// hook is a webhook over a list in memory.
type hook struct {
	*Webhook
	t       *testing.T
	list    optouttest.List
	started map[string]bool
}

func newHook(t *testing.T) *hook {
	t.Helper()
	signer, err := optout.NewSigner(bytes.Repeat([]byte("s"), 32))
	if err != nil {
		t.Fatal(err)
	}
	h := &hook{t: t, started: map[string]bool{}}
	h.Webhook, err = New(Options{
		Desk: optout.NewDesk(optout.Options{List: &h.list, Signer: signer}),
		URL:  hookURL, AuthTokens: []string{"12345"}, AccountSid: account, Tenant: func(number string) (string, bool) { return "acme", number == ours },
		Key: func(tenant, number string) (suppression.Key, error) {
			if tenant != "acme" || number != theirs {
				return suppression.Key{}, errors.New("not a number: " + number)
			}
			return senderKey, nil
		},
		Started: func(_ context.Context, sid string) (bool, error) { return h.started[sid], nil },
		Note:    func(_ context.Context, sid string) error { h.started[sid] = true; return nil },
		Now:     func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

const account = "AC0123456789abcdef0123456789abcdef"

// sid is the n-th message's.
func sid(n int) string { return fmt.Sprintf("SM%032x", n) }

// message is what Twilio sends for a text.
func message(sid, body string) url.Values {
	return url.Values{
		"AccountSid": {account}, "MessageSid": {sid}, "SmsSid": {sid}, "SmsMessageSid": {sid}, "From": {theirs}, "To": {ours}, "Body": {body},
		"NumMedia": {"0"}, "NumSegments": {"1"}, "SmsStatus": {"received"}, "ApiVersion": {"2010-04-01"},
		"FromCity": {"SAN FRANCISCO"}, "FromCountry": {"US"}, "FromZip": {"94103"}, "ToCity": {"TORONTO"},
	}
}

// send delivers a form with Twilio's signature.
func (h *hook) send(form url.Values) Response {
	h.t.Helper()
	body := form.Encode()
	fields, err := parseForm(formType, []byte(body))
	if err != nil {
		h.t.Fatal(err)
	}
	return h.Handle(h.t.Context(), Request{ContentType: formType, Signature: sign("12345", hookURL+sorted(fields)), Body: []byte(body)})
}

func (h *hook) stopped() bool {
	h.t.Helper()
	rows, err := h.list.Rows(nil, senderKey)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, row := range rows {
		if row.Reason != policy.SMSStop || row.Topic != "" || row.Source != suppression.BySMS {
			h.t.Fatalf("a row that is no brand-wide STOP: %+v", row)
		}
	}
	return len(rows) == 1
}

func TestStop_IsBrandWideAndAnsweredByEmptyTwiML(t *testing.T) { // 47 CFR 64.1200(a)(10)
	h := newHook(t)
	for range 2 {
		r := h.send(message(sid(1), "Stop."))
		if r.Status != 200 || string(r.Body) != "<Response/>" || !strings.HasPrefix(r.Header[0][1], "text/xml") || !h.stopped() {
			t.Fatalf("%d %s %v", r.Status, r.Body, r.Header)
		}
	}
}

func TestStart_LiftsOnceHoweverOftenItIsDelivered(t *testing.T) { // a replay verifies: its signature has no time
	h := newHook(t)
	h.send(message(sid(1), "STOP"))
	if h.send(message(sid(2), "START")); h.stopped() {
		t.Fatal("START does not lift")
	}
	h.send(message(sid(3), "STOP"))
	if r := h.send(message(sid(2), "START")); r.Status != 200 || !h.stopped() {
		t.Fatalf("a START delivered again lifts a later STOP (%d)", r.Status)
	}
	if h.send(message(sid(4), "unstop")); h.stopped() {
		t.Fatal("a new START does not lift")
	}
}

func TestStart_ThatFailedIsTriedAgain(t *testing.T) {
	h := newHook(t)
	h.send(message(sid(1), "STOP"))
	h.list.Fail(errors.New("disk full"))
	if r := h.send(message(sid(2), "START")); r.Status != 503 {
		t.Fatal(r.Status)
	}
	h.list.Fail(nil)
	if h.send(message(sid(2), "START")); h.stopped() {
		t.Error("START was lost")
	}
}

func TestText_WithoutAnActChangesNothing(t *testing.T) {
	h := newHook(t)
	for _, body := range []string{"hello", "HELP", "Liked “STOP”", ""} {
		if r := h.send(message(sid(1), body)); r.Status != 200 || r.Err != nil {
			t.Errorf("%q: %d %v", body, r.Status, r.Err)
		}
	}
	if applies, reads := h.list.Calls(); applies+reads != 0 {
		t.Errorf("%d writes, %d reads", applies, reads)
	}
}

func TestForgedSignature_NeverReachesTheList(t *testing.T) { // Twilio, Security: validating requests
	h := newHook(t)
	body := []byte(message(sid(1), "STOP").Encode())
	fields, _ := parseForm(formType, body)
	good := sign("12345", hookURL+sorted(fields))
	check := func(r Request) {
		t.Helper()
		if got := h.Handle(t.Context(), r); got.Status != 403 || got.Err != nil {
			t.Errorf("%+v: %d", r, got.Status)
		}
	}
	check(Request{ContentType: formType, Body: body})
	check(Request{ContentType: formType, Body: body, Signature: sign("54321", hookURL+sorted(fields))})
	check(Request{ContentType: formType, Body: body, Signature: good, Query: "a=b"})
	check(Request{ContentType: formType, Body: append([]byte("A=b&"), body...), Signature: good})
	check(Request{ContentType: "text/plain", Body: body, Signature: good})
	check(Request{ContentType: formType, Body: bytes.Repeat([]byte("a=b&"), maxFields), Signature: good})
	check(Request{ContentType: formType, Body: bytes.Repeat([]byte("a"), maxBody+1), Signature: good})
	check(Request{ContentType: formType, Body: []byte("%zz"), Signature: good})
	if applies, reads := h.list.Calls(); applies+reads != 0 {
		t.Errorf("%d writes, %d reads", applies, reads)
	}
}

func TestTrouble_IsNeverASuccessAndNamesNobody(t *testing.T) { // P1, P5, P6
	h := newHook(t)
	check := func(form url.Values, want int) {
		t.Helper()
		r := h.send(form)
		if r.Status != want || r.Err == nil || strings.Contains(r.Err.Error()+string(r.Body), "1415") {
			t.Errorf("%v: %d %v", form, r.Status, r.Err)
		}
	}
	unknown := message(sid(1), "STOP")
	unknown.Set("To", "+15005550001")
	check(unknown, 404)
	word := message(sid(1), "STOP")
	word.Set("From", "+1415BANK")
	check(word, 422)
	h.list.Fail(errors.New("disk full"))
	check(message(sid(1), "STOP"), 503)
	check(message(sid(1), "START"), 503)
}

func TestQuery_IsSignedToo(t *testing.T) {
	h := newHook(t)
	body := []byte(message(sid(1), "STOP").Encode())
	fields, _ := parseForm(formType, body)
	r := h.Handle(t.Context(), Request{Query: "brand=1", ContentType: formType, Body: body, Signature: sign("12345", hookURL+"?brand=1"+sorted(fields))})
	if r.Status != 200 || !h.stopped() {
		t.Error(r.Status)
	}
}

func TestNew_RefusesToRunUnsigned(t *testing.T) {
	check := func(want string, change func(*Options)) {
		t.Helper()
		o := newHook(t).o
		change(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	check("URL", func(o *Options) { o.URL = "" })
	check("AuthTokens", func(o *Options) { o.AuthTokens = nil })
	check("empty", func(o *Options) { o.AuthTokens = []string{"12345", ""} })
	check("Started", func(o *Options) { o.Started = nil })
}

func FuzzParseForm(f *testing.F) {
	f.Add(formType, []byte(message(sid(1), "STOP").Encode()))
	f.Add(formType+"; charset=utf-8", []byte("a=1&&a=2&=&b"))
	f.Add("text/plain", []byte("x"))
	f.Add(formType, []byte("%zz"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		form, err := parseForm(contentType, body)
		if err != nil && (form != nil || !errors.Is(err, ErrForm)) || len(form) > maxFields {
			t.Errorf("%d fields, %v", len(form), err)
		}
		size := 0
		for _, f := range form {
			size += len(f.name) + len(f.value)
		}
		if size > len(body) || len(sorted(form)) > size {
			t.Errorf("%d bytes made of %d", size, len(body))
		}
	})
}

func FuzzValid(f *testing.F) {
	f.Add(vectorURL, formType, []byte(vectorForm().Encode()), "RSOYDt4T1cUTdK1PDd93/VVr8B8=x")
	f.Add("https://[::1", formType, []byte("a=b"), "")
	f.Add("://", "", []byte{}, "")
	f.Fuzz(func(t *testing.T, rawURL, contentType string, body []byte, signature string) {
		// The fuzzer does not know the token.
		if Valid([]string{"a token of 32 random characters."}, rawURL, contentType, body, signature) {
			t.Error("forged")
		}
	})
}
