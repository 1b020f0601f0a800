package sandbox

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// PhonesOptions gives Phones its listener, which it closes, and the account it answers to.
type PhonesOptions struct {
	HTTP       net.Listener
	AccountSid string
	AuthToken  string
	Limits     Limits
}

// Phones speaks enough of Twilio's API that a sender cannot tell, answers Twilio's test numbers with their errors, and shows every text.
type Phones struct {
	opt    PhonesOptions
	prefix string // of message SIDs; what follows is the position
	store  *store
}

// NewPhones makes Phones; Run serves them.
func NewPhones(o PhonesOptions) *Phones {
	var random [8]byte
	rand.Read(random[:])
	p := &Phones{opt: o, prefix: "SM" + hex.EncodeToString(random[:])}
	p.store = newStore(o.Limits, func(position uint64) string { return fmt.Sprintf("%s%016x", p.prefix, position) })
	return p
}

// Run serves until ctx ends or the listener fails, and waits for all it started.
func (p *Phones) Run(ctx context.Context) error {
	mux := http.NewServeMux()
	p.store.routes(mux)
	gallery{p.store, "Phones", firstWords, readText, p.find}.routes(mux)
	mux.HandleFunc("POST /2010-04-01/Accounts/{account}/Messages.json", p.authorised(p.create))
	mux.HandleFunc("GET /2010-04-01/Accounts/{account}/Messages/{file}", p.authorised(p.fetch))
	return serveHTTP(ctx, p.opt.HTTP, mux)
}

func (p *Phones) authorised(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if !equal(user, p.opt.AccountSid) || !equal(password, p.opt.AuthToken) || r.PathValue("account") != p.opt.AccountSid {
			w.Header().Set("WWW-Authenticate", `Basic realm="Twilio API"`)
			refuse(w, http.StatusUnauthorized, 20003, "Authenticate")
			return
		}
		next(w, r)
	}
}

// equal compares in constant time, lengths included.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func (p *Phones) create(w http.ResponseWriter, r *http.Request) {
	began := time.Now().UTC()
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		refuse(w, http.StatusBadRequest, 20001, "The form cannot be read")
		return
	}
	form := r.PostForm
	text := Message{From: form.Get("From"), To: form.Get("To"), BeganAt: began, Raw: []byte(form.Get("Body"))}
	service := form.Get("MessagingServiceSid")
	if text.From == "" {
		text.From = service
	}
	if code, message := refusal(text); code != 0 {
		refuse(w, http.StatusBadRequest, code, message)
		return
	}
	text.ReceivedAt = time.Now().UTC()
	answer(w, http.StatusCreated, p.resource(p.store.add(text), service))
}

func (p *Phones) fetch(w http.ResponseWriter, r *http.Request) {
	id, isJSON := strings.CutSuffix(r.PathValue("file"), ".json")
	if m, ok := p.find(id); ok && isJSON {
		answer(w, http.StatusOK, p.resource(m, ""))
		return
	}
	refuse(w, http.StatusNotFound, 20404, "The requested resource was not found")
}

// find gives the message of a SID.
func (p *Phones) find(id string) (Message, bool) {
	rest, ours := strings.CutPrefix(id, p.prefix)
	position, err := strconv.ParseUint(rest, 16, 64)
	m, ok := p.store.at(position)
	return m, ours && ok && err == nil && m.ID == id
}

// testNumbers are Twilio's magic numbers (Twilio, test credentials).
var testNumbers = struct{ to, from map[string]int }{
	to:   map[string]int{"+15005550001": 21211, "+15005550002": 21612, "+15005550003": 21408, "+15005550004": 21610, "+15005550009": 21614},
	from: map[string]int{"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611},
}

var texts = map[int]string{
	21211: "The 'To' number %s is not a valid phone number.",
	21212: "The 'From' number is not a valid phone number, shortcode, or alphanumeric sender ID.",
	21408: "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: %s.",
	21602: "Message body is required.",
	21603: "A 'From' phone number is required.",
	21604: "A 'To' phone number is required.",
	21606: "The 'From' phone number provided is not a valid message-capable Twilio phone number for this destination.",
	21610: "Attempt to send to unsubscribed recipient",
	21611: "This 'From' number has exceeded the maximum number of queued messages",
	21612: "The 'To' phone number: %s, is not currently reachable using the 'From' phone number.",
	21614: "'To' number: %s, is not a valid mobile number",
	21617: "The concatenated message body exceeds the 1600 character limit.",
}

var e164 = regexp.MustCompile(`^\+[1-9]\d{6,14}$`)

// refusal is Twilio's code and text for a message that it would not take; 0 if it would.
func refusal(m Message) (code int, text string) {
	switch {
	case m.To == "":
		code = 21604
	case m.From == "":
		code = 21603
	case len(m.Raw) == 0:
		code = 21602
	case utf8.RuneCount(m.Raw) > 1600:
		code = 21617
	case !e164.MatchString(m.To):
		code = 21211
	case testNumbers.to[m.To] != 0:
		code = testNumbers.to[m.To]
	default:
		code = testNumbers.from[m.From]
	}
	return code, strings.ReplaceAll(texts[code], "%s", m.To)
}

func refuse(w http.ResponseWriter, status, code int, message string) {
	answer(w, status, struct {
		Code     int    `json:"code"`
		Message  string `json:"message"`
		MoreInfo string `json:"more_info"`
		Status   int    `json:"status"`
	}{code, message, "https://www.twilio.com/docs/errors/" + strconv.Itoa(code), status})
}

// resource is the message as Twilio's API shows it.
type resource struct {
	AccountSid          string            `json:"account_sid"`
	APIVersion          string            `json:"api_version"`
	Body                string            `json:"body"`
	DateCreated         string            `json:"date_created"`
	DateSent            *string           `json:"date_sent"`
	DateUpdated         string            `json:"date_updated"`
	Direction           string            `json:"direction"`
	ErrorCode           *int              `json:"error_code"`
	ErrorMessage        *string           `json:"error_message"`
	From                *string           `json:"from"`
	MessagingServiceSid *string           `json:"messaging_service_sid"`
	NumMedia            string            `json:"num_media"`
	NumSegments         string            `json:"num_segments"`
	Price               *string           `json:"price"`
	PriceUnit           string            `json:"price_unit"`
	Sid                 string            `json:"sid"`
	Status              string            `json:"status"`
	SubresourceURIs     map[string]string `json:"subresource_uris"`
	To                  string            `json:"to"`
	URI                 string            `json:"uri"`
}

func (p *Phones) resource(m Message, service string) resource {
	uri := "/2010-04-01/Accounts/" + p.opt.AccountSid + "/Messages/" + m.ID
	at := m.ReceivedAt.Format(time.RFC1123Z)
	r := resource{
		AccountSid: p.opt.AccountSid, APIVersion: "2010-04-01", Body: string(m.Raw), DateCreated: at, DateUpdated: at, Direction: "outbound-api",
		From: &m.From, NumMedia: "0", NumSegments: strconv.Itoa(segments(string(m.Raw))), PriceUnit: "USD", Sid: m.ID, Status: "queued",
		SubresourceURIs: map[string]string{"media": uri + "/Media.json"}, To: m.To, URI: uri + ".json",
	}
	if service != "" { // Twilio chooses the number later
		r.MessagingServiceSid, r.From, r.NumSegments, r.Status = &service, nil, "0", "accepted"
	}
	return r
}
