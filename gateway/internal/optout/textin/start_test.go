package textin

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// forge delivers a form with the signature of another one: a holder of a captured call has no auth token.
func (h *hook) forge(signed, sent url.Values) Response {
	h.t.Helper()
	fields, err := parseForm(formType, []byte(signed.Encode()))
	if err != nil {
		h.t.Fatal(err)
	}
	return h.Handle(h.t.Context(), Request{
		ContentType: formType, Signature: sign("12345", hookURL+sorted(fields)), Body: []byte(sent.Encode()),
	})
}

func TestStart_CapturedAndSplitAnewLiftsNothing(t *testing.T) { // the signature knows no borders between names and values
	h := newHook(t)
	bare := func(body string) url.Values {
		return url.Values{"AccountSid": {account}, "Body": {body}, "From": {theirs}, "MessageSid": {sid(2)}, "NumMedia": {"0"}, "To": {ours}}
	}
	check := func(signed, sent url.Values) {
		t.Helper()
		h.send(message(sid(1), "STOP"))
		r := h.forge(signed, sent)
		if r.Status != 422 || r.Err == nil || strings.Contains(r.Err.Error(), "1415") || !h.stopped() {
			t.Errorf("%v: %d %v", sent, r.Status, r.Err)
		}
	}
	replay := bare("START")
	replay.Set("MessageSid", sid(2)+"NumMedia0")
	replay.Del("NumMedia")
	check(bare("START"), replay)

	// The sender of a text writes the victim's number into it.
	attack := func(next string) (signed, sent url.Values) {
		signed = bare("STARTFrom" + theirs + next)
		signed.Set("From", "+19995550123")
		sent = bare("START")
		sent.Set(next, "From+19995550123")
		return signed, sent
	}
	check(attack("Fromz"))
	check(attack("FromCity"))
}

func TestStart_IsActedOnOnlyIfItsFormIsTwilios(t *testing.T) { // Twilio, Messaging: webhook request parameters
	check := func(want bool, change func(url.Values)) {
		t.Helper()
		h := newHook(t)
		h.send(message(sid(1), "STOP"))
		start := message(sid(2), "START")
		change(start)
		if r := h.send(start); h.stopped() == want || (r.Status == 200) != want {
			t.Errorf("%v: %d, stopped %v", start, r.Status, h.stopped())
		}
	}
	set := func(name string, values ...string) func(url.Values) {
		return func(form url.Values) { form[name] = values }
	}
	check(true, func(url.Values) {})
	check(true, set("OptOutType", "START"))
	check(true, set("SmsSid"))
	check(true, func(form url.Values) {
		for _, name := range []string{"MessageSid", "SmsSid", "SmsMessageSid"} {
			form.Set(name, "MM"+sid(3)[2:])
		}
	})
	check(false, set("Unheard", "of"))
	check(false, set("FromCity", "A", "B"))
	check(false, set("FromCity", "xFromx"))
	check(false, set("MessageSid"))
	check(false, set("MessageSid", ""))
	check(false, func(form url.Values) {
		for _, name := range []string{"MessageSid", "SmsSid", "SmsMessageSid"} {
			form.Set(name, sid(0xab)+"0")
		}
	})
	check(false, set("SmsSid", sid(3)))
	check(false, set("SmsMessageSid", sid(3)))
	check(false, set("AccountSid"))
	check(false, set("AccountSid", "AC0123456789abcdef0123456789abcdee"))
}

func TestPlain_NumbersAreWhole(t *testing.T) { // ITU-T E.164 §6.1
	w := newHook(t).Webhook
	check := func(number string, want bool) {
		t.Helper()
		for _, name := range []string{"From", "To"} {
			form := []field{{"AccountSid", account}, {"From", theirs}, {"MessageSid", sid(1)}, {"To", ours}}
			form[slices.IndexFunc(form, func(f field) bool { return f.name == name })].value = number
			if w.plain(form) != want {
				t.Errorf("%s %q: plain is %v", name, number, !want)
			}
		}
	}
	check(theirs, true)
	check("12345", true)
	check("", false)
	check("+0123456789", false)
	check("+1415555267112345", false)
	check("whatsapp:"+theirs, false)
	check(theirs+" ", false)
	check(theirs+"\n", false)
	check("BRAND", false)
}

func TestStop_IsHonouredWhateverElseIsSent(t *testing.T) { // P1: only the signature and the sender count
	h := newHook(t)
	form := url.Values{"From": {theirs}, "To": {ours}, "Body": {"STOP"}, "New": {"From+1"}, "MessageSid": {"x", "y"}}
	if r := h.send(form); r.Status != 200 || !h.stopped() {
		t.Error(r.Status)
	}
}

func TestStart_IsNotedBeforeItLifts(t *testing.T) { // a replay that finds no note would lift a later STOP
	h := newHook(t)
	h.send(message(sid(1), "STOP"))
	h.o.Note = func(context.Context, string) error {
		if !h.stopped() {
			t.Error("lifted before it was noted")
		}
		return errors.New("disk full")
	}
	if r := h.send(message(sid(2), "START")); r.Status != 503 || !h.stopped() {
		t.Errorf("lifted without a note: %d", r.Status)
	}
}

func TestStart_LiftsNoStopThatCameAfterItWasRead(t *testing.T) { // P1
	h := newHook(t)
	h.send(message(sid(1), "STOP"))
	h.o.Note = func(context.Context, string) error { h.send(message(sid(3), "STOP")); return nil }
	if r := h.send(message(sid(2), "START")); r.Status != 200 || !h.stopped() {
		t.Errorf("%d, stopped %v", r.Status, h.stopped())
	}
}

func TestStart_WithNothingToLiftIsNotedToo(t *testing.T) {
	h := newHook(t)
	h.send(message(sid(2), "START"))
	h.send(message(sid(1), "STOP"))
	if h.send(message(sid(2), "START")); !h.stopped() {
		t.Error("delivered again it lifts a later STOP")
	}
}

// Of all ways to split what was signed into fields, each that is acted on names the sender and the message that were signed.
func TestStart_HasOneReadingWhateverItsTextHolds(t *testing.T) {
	w := newHook(t).Webhook
	pieces := []string{"From", "+14155550123", "FromCity", "MessageSid", sid(7), "NumMedia", "To", "SmsSid", "x", "ToZip", "12345"}
	rapid.Check(t, func(t *rapid.T) {
		body := "START" + strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 6).Draw(t, "body"), "")
		signed := []field{{"AccountSid", account}, {"Body", body}, {"From", "+19995550123"}, {"MessageSid", sid(2)}, {"NumMedia", "0"}, {"To", ours}}
		readings(sorted(signed), func(form []field) {
			if !w.plain(form) || Classify(first(form, "Body"), first(form, "OptOutType")) != Start {
				return
			}
			if first(form, "From") != "+19995550123" || first(form, "MessageSid") != sid(2) {
				t.Fatalf("%s is read as %v", sorted(signed), form)
			}
		})
	})
}

// readings are all ways to split text into known fields in order of names.
func readings(text string, visit func([]field)) {
	var split func(rest string, form []field)
	split = func(rest string, form []field) {
		for _, name := range startFields {
			value, ok := strings.CutPrefix(rest, name)
			if !ok || len(form) > 0 && form[len(form)-1].name >= name {
				continue
			}
			visit(append(slices.Clone(form), field{name, value}))
			for end := range value {
				split(value[end:], append(slices.Clone(form), field{name, value[:end]}))
			}
		}
	}
	split(text, nil)
}

func FuzzPlain(f *testing.F) {
	w := &Webhook{Options{AccountSid: account}}
	f.Add([]byte(message(sid(1), "START").Encode()))
	f.Add([]byte("From=%2B1&From=%2B1&MessageSid=SM"))
	f.Fuzz(func(t *testing.T, body []byte) {
		form, err := parseForm(formType, body)
		if err != nil || !w.plain(form) {
			return
		}
		if first(form, "AccountSid") != account || len(first(form, "MessageSid")) != 34 || !strings.Contains(sorted(form), "From"+first(form, "From")) {
			t.Errorf("%q is taken for a plain form", body)
		}
	})
}
