package textin

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"heed/suppression"
)

// startFields are the fields of a START that is acted on: those Twilio documents for a text without media.
var startFields = []string{
	"AccountSid", "ApiVersion", "Body", "From", "FromCity", "FromCountry", "FromState", "FromZip", "MessageSid",
	"MessagingServiceSid", "NumMedia", "NumSegments", "OptOutType", "SmsMessageSid", "SmsSid", "SmsStatus",
	"To", "ToCity", "ToCountry", "ToState", "ToZip",
}

var (
	accountSid = regexp.MustCompile(`^AC[0-9a-f]{32}$`)
	messageSid = regexp.MustCompile(`^(SM|MM)[0-9a-f]{32}$`)
	number     = regexp.MustCompile(`^(\+[1-9][0-9]{1,14}|[0-9]{3,8})$`) // E.164, or a short code
)

var errStart = errors.New("textin: a START that is not plainly a text to our account: nothing was lifted; compare its fields and its AccountSid with ours")

// start acts on a START once. The note comes before the lift, so that one that fails between is lost, and has to be texted again,
// rather than left to be replayed.
func (w *Webhook) start(ctx context.Context, key suppression.Key, sid string) error {
	return w.o.Desk.AllowTexts(ctx, key, func(ctx context.Context) (bool, error) {
		started, err := w.o.Started(ctx, sid)
		if err != nil || started {
			return false, err
		}
		return true, w.o.Note(ctx, sid)
	})
}

// plain tells whether what was signed can be read in this one way only. The signature covers names and values without a border
// between them, so the holder of one signed call may split it anew: hide a field in the value before it and so change the
// message's id, or take a field out of a text of his own and so change the sender. Neither works if each field is known and
// comes once, no value holds a field's name, and ids and numbers are whole: "From" and "MessageSid" as Twilio wrote them then
// stand in no value, so they are those fields. A STOP needs none of this: stopping too much is the smaller error.
func (w *Webhook) plain(form []field) bool {
	for i, f := range form {
		again := slices.ContainsFunc(form[:i], func(g field) bool { return g.name == f.name })
		if again || !slices.Contains(startFields, f.name) || holdsName(f.value) {
			return false
		}
	}
	sid := first(form, "MessageSid")
	return messageSid.MatchString(sid) && repeats(form, "SmsSid", sid) && repeats(form, "SmsMessageSid", sid) &&
		number.MatchString(first(form, "From")) && number.MatchString(first(form, "To")) && w.ours(first(form, "AccountSid"))
}

func holdsName(value string) bool {
	return slices.ContainsFunc(startFields, func(name string) bool { return strings.Contains(value, name) })
}

// repeats tells whether a field that Twilio sends for old programs says the same, or is not there.
func repeats(form []field, name, value string) bool {
	i := slices.IndexFunc(form, func(f field) bool { return f.name == name })
	return i < 0 || form[i].value == value
}

func (w *Webhook) ours(account string) bool {
	if w.o.AccountSid == "" {
		return accountSid.MatchString(account)
	}
	return account == w.o.AccountSid
}
