package twilio

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/twilio/twilio-go/client"
	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"heed/senders"
)

// Sender hands texts to one Twilio account.
type Sender struct {
	opt   Options
	base  *url.URL
	http  *http.Client
	slots chan struct{}
}

var _ senders.Sender = (*Sender)(nil)

// New checks the options, all faults at once. It dials nothing.
func New(o Options) (*Sender, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("set up Twilio: %w", err)
	}
	base, err := parseBase(o.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("set up Twilio: %w", err)
	}
	return &Sender{opt: o, base: base, http: newHTTPClient(o), slots: make(chan struct{}, o.MaxConcurrent)}, nil
}

// newHTTPClient speaks HTTP/1.1 only: a gate needs a connection that carries one call at a time. It follows no redirect: a POST with our
// credentials goes where it was meant to or nowhere.
func newHTTPClient(o Options) *http.Client {
	var only http.Protocols
	only.SetHTTP1(true)
	return &http.Client{
		Timeout:       o.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            dialLinks(o),
			TLSClientConfig:        o.TLSConfig,
			TLSHandshakeTimeout:    o.DialTimeout,
			MaxIdleConns:           o.MaxConcurrent,
			MaxIdleConnsPerHost:    o.MaxConcurrent,
			MaxConnsPerHost:        o.MaxConcurrent,
			IdleConnTimeout:        o.IdleTimeout,
			MaxResponseHeaderBytes: maxAnswer,
			DisableCompression:     true,
			Protocols:              &only,
		},
	}
}

func dialLinks(o Options) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, o.DialTimeout)
		defer cancel()
		c, err := o.Dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &link{Conn: c}, nil
	}
}

// Send hands m to Twilio. With MaxConcurrent calls under way it waits for one to end until ctx does.
func (s *Sender) Send(ctx context.Context, m *senders.Message) (senders.Result, error) {
	params, err := s.params(m)
	if err != nil {
		return senders.Result{}, err
	}
	if err := s.acquire(ctx); err != nil {
		return senders.Result{}, &senders.Error{Class: senders.Unavailable, Detail: "no free call in time", Err: err}
	}
	defer func() { <-s.slots }()
	return s.create(ctx, m, params)
}

func (s *Sender) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// create makes the call. The request handler is built by hand: theirs reads TWILIO_EDGE from the environment.
func (s *Sender) create(ctx context.Context, m *senders.Message, params *openapi.CreateMessageParams) (senders.Result, error) {
	c := &call{sender: s, ctx: ctx, gate: newGate(m.Begin)}
	message, err := openapi.NewApiService(&client.RequestHandler{Client: c}).CreateMessage(params)
	begun := c.gate.close(err == nil)
	if refused := c.gate.refused(); refused != nil {
		return senders.Result{}, refused
	}
	if err != nil {
		return senders.Result{}, explain(ctx, err, begun, m.To)
	}
	if message.Sid == nil || !sid.MatchString(*message.Sid) {
		return senders.Result{}, &senders.Error{Class: senders.Unknown, Detail: "accepted without a message SID"}
	}
	result := senders.Result{ProviderID: *message.Sid}
	if message.Status != nil {
		result.Detail = senders.Detail(*message.Status, m.To)
	}
	return result, nil
}

// explain turns a call's error into the Sender's. begun tells whether any of the request may have been sent.
func explain(ctx context.Context, err error, begun bool, recipient string) error {
	var refused *refusal
	if errors.As(err, &refused) {
		return refused.classify(recipient)
	}
	e := &senders.Error{Class: senders.Unavailable, Detail: "no connection", Err: err}
	if begun {
		e.Class, e.Detail = senders.Unknown, "no whole answer"
	}
	var ne net.Error
	switch {
	case ctx.Err() != nil:
		e.Detail, e.Err = e.Detail+": "+ctx.Err().Error(), ctx.Err()
	case errors.As(err, &ne) && ne.Timeout():
		e.Detail += " in time"
	}
	return e
}

// Close ends idle connections.
func (s *Sender) Close() error {
	s.http.CloseIdleConnections()
	return nil
}

const maxBody = 1600 // characters

var e164 = regexp.MustCompile(`^\+[1-9]\d{6,14}$`)

// params checks m and names its parts for the API; its error is Permanent and nothing was sent.
func (s *Sender) params(m *senders.Message) (*openapi.CreateMessageParams, error) {
	service := s.opt.MessagingServiceSid
	if service == "" && isService(m.From) {
		service = m.From
	}
	switch body := m.Body; {
	case !e164.MatchString(m.To):
		return nil, permanent("21211", "the recipient is not an E.164 number")
	case service == "" && m.From == "":
		return nil, permanent("21603", "no sender: set From or a messaging service")
	case len(body) == 0:
		return nil, permanent("21602", "the text is empty")
	case !utf8.Valid(body):
		return nil, permanent("21602", "the text is not UTF-8")
	case utf8.RuneCount(body) > maxBody:
		return nil, permanent("21617", "the text has more than 1,600 characters")
	}
	p := new(openapi.CreateMessageParams).SetTo(m.To).SetBody(string(m.Body))
	if service != "" {
		p.SetMessagingServiceSid(service)
	} else {
		p.SetFrom(m.From)
	}
	if s.opt.StatusCallback != "" {
		p.SetStatusCallback(s.opt.StatusCallback)
	}
	if m.ValidFor > 0 {
		p.SetValidityPeriod(validity(m.ValidFor))
	}
	return p, nil
}

// validity is d in whole seconds within Twilio's 1 to 36,000, never longer than d but for the first second.
func validity(d time.Duration) int {
	return min(max(int(d/time.Second), 1), 36_000)
}

func permanent(code, detail string) error {
	return &senders.Error{Class: senders.Permanent, Code: code, Detail: detail}
}
