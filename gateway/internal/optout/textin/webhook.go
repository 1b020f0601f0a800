package textin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"heed/gateway/internal/optout"
	"heed/suppression"
)

// Request is what matters of Twilio's call. Nothing of it is kept.
type Request struct {
	Query       string // raw, without "?"
	ContentType string
	Signature   string // X-Twilio-Signature
	Body        []byte
}

// Response is the whole answer.
type Response struct {
	Status int
	Header [][2]string
	Body   []byte
	Err    error // why the text could not be acted on: for the log, without the sender's number; else nil
}

// Options of New. All are needed but AccountSid.
type Options struct {
	Desk *optout.Desk
	// URL is the webhook's public address as it was given to Twilio, without query and fragment.
	URL string
	// AuthTokens are the account's: Twilio signs with the primary one; list the secondary too while it is being promoted.
	AuthTokens []string
	// AccountSid is the account whose texts may lift a STOP; "" means any that signs with the tokens.
	AccountSid string
	// Tenant gives the tenant whose number was texted, as Twilio writes it ("+15005550006", "12345").
	Tenant func(number string) (id string, ok bool)
	// Key is the list's key of a sender's number for a tenant (channel sms).
	Key func(tenant, number string) (suppression.Key, error)
	// Started tells whether a START with this MessageSid has been noted, and Note notes it for good, before it lifts anything. They
	// keep a START that is delivered again from lifting a STOP that came in between: a signature carries no time.
	Started func(ctx context.Context, messageSID string) (bool, error)
	Note    func(ctx context.Context, messageSID string) error
	Now     func() time.Time
}

// Webhook answers Twilio's calls for inbound messages.
type Webhook struct{ o Options }

// New checks the options. An error names what to set.
func New(o Options) (*Webhook, error) {
	switch {
	case o.Desk == nil || o.Key == nil || o.Started == nil || o.Note == nil || o.Now == nil:
		return nil, errors.New("textin: Desk, Key, Started, Note and Now are needed")
	case o.URL == "":
		return nil, errors.New("textin: no URL: set the webhook's public address, it is part of what Twilio signs")
	case len(o.AuthTokens) == 0:
		return nil, errors.New("textin: no AuthTokens: without one no signature can be checked")
	}
	for _, token := range o.AuthTokens {
		if token == "" {
			return nil, errors.New("textin: an auth token is empty: anybody could sign with it")
		}
	}
	return &Webhook{o}, nil
}

var (
	errNumber = errors.New("textin: no tenant has the number texted: add it to the numbers of one")
	errSender = errors.New("textin: the sender is not a phone number: nothing was recorded")
)

// Handle answers 200 with an empty TwiML document once what the text asks for is durable, or if it asks for nothing. Otherwise
// 403 for a bad signature, 400 for a signed body that is no form, 404 for a number of no tenant, 422 for a sender without a
// number and for a START that is not plainly Twilio's, 503 if it could not be made durable: Twilio can be set to try again.
func (w *Webhook) Handle(ctx context.Context, r Request) Response {
	if !Valid(w.o.AuthTokens, w.url(r.Query), r.ContentType, r.Body, r.Signature) {
		return refuse(http.StatusForbidden, nil)
	}
	form, err := parseForm(r.ContentType, r.Body)
	if err != nil {
		return refuse(http.StatusBadRequest, err)
	}
	act := Classify(first(form, "Body"), first(form, "OptOutType"))
	if err := w.perform(ctx, act, form); err != nil {
		return refuse(statusOf(err), err)
	}
	return Response{Status: http.StatusOK, Header: headers("text/xml; charset=utf-8"), Body: []byte("<Response/>")}
}

func (w *Webhook) url(query string) string {
	if query == "" {
		return w.o.URL
	}
	return w.o.URL + "?" + query
}

func (w *Webhook) perform(ctx context.Context, act Act, form []field) error {
	if act != Stop && act != Start {
		return nil
	}
	if act == Start && !w.plain(form) {
		return errStart
	}
	tenant, ok := w.o.Tenant(first(form, "To"))
	if !ok {
		return errNumber
	}
	key, err := w.o.Key(tenant, first(form, "From"))
	if err != nil {
		return errSender // not err, which may hold the number
	}
	if act == Stop {
		return w.o.Desk.StopTexts(ctx, key, w.o.Now())
	}
	return w.start(ctx, key, first(form, "MessageSid"))
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, errNumber):
		return http.StatusNotFound
	case errors.Is(err, errSender), errors.Is(err, errStart):
		return http.StatusUnprocessableEntity
	}
	return http.StatusServiceUnavailable
}

// refuse tells the caller no more than the status.
func refuse(status int, err error) Response {
	r := Response{Status: status, Header: headers("text/plain; charset=utf-8"), Body: []byte(http.StatusText(status) + "\n"), Err: err}
	if status == http.StatusServiceUnavailable {
		r.Header = append(r.Header, [2]string{"Retry-After", "30"})
	}
	return r
}

func headers(contentType string) [][2]string {
	return [][2]string{{"Content-Type", contentType}, {"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}}
}
