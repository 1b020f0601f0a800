package intake

import (
	"errors"
	"fmt"
	"time"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/batchjson"
	"heed/gateway/internal/catalog"
	"heed/gateway/internal/keys"
	"heed/suppression/address"
	"heed/suppression/policy"
)

// maxAhead bounds send_at.
const maxAhead = 365 * 24 * time.Hour

// plan is what all recipients of a batch have in common.
type plan struct {
	head     batch.Head
	main     route
	other    *route // where a recipient may be rerouted to; nil without content or sender for it
	priority uint8
	due      time.Time
	expires  time.Time
}

// route is a channel as this batch uses it.
type route struct {
	channel  policy.Channel
	keyer    address.Keyer
	region   string
	required []variable
}

// variable is one that each recipient must bring.
type variable struct {
	name string
	why  *why // for a recipient without it
}

// scopes are what a key needs to send a class (docs/policy.md).
var scopes = map[policy.Class]keys.Scope{
	policy.Marketing:     keys.SendMarketing,
	policy.Transactional: keys.SendTransactional,
	policy.Service:       keys.SendService,
	policy.Mandatory:     keys.SendMandatory,
}

// plan checks the shared part of a call and works out what follows from it.
func (in *Intake) plan(c Call, s *batchjson.Shared) (*plan, error) {
	p := &plan{head: batch.Head{
		Tenant: c.Principal.Tenant, Topic: s.Topic, From: s.From, ReplyTo: s.ReplyTo, Headers: s.Headers, Created: in.o.Now(),
	}}
	h := &p.head
	steps := []func() error{
		func() error { return parseKind(h, s) },
		func() error { return mayClass(c.Principal, h.Class) },
		func() error { return in.leavable(h) },
		func() error { return in.content(h, s) },
		func() error { return parseTimes(h, s) },
		func() error { return in.sender(h) },
		func() error { return in.routes(p) },
		func() error { return in.topic(h, c.DryRun) }, // last: it may create one, which a refused call should not
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, err
		}
	}
	p.priority = uint8(policy.Mandatory - h.Class)
	p.due, p.expires = h.SendAt, in.expiry(h)
	return p, nil
}

// parseKind reads channel and class. No class is marketing, the one that may do least; an unknown one is an error.
func parseKind(h *batch.Head, s *batchjson.Shared) error {
	var ok bool
	if h.Channel, ok = policy.ParseChannel(s.Channel); !ok {
		return refuse("/channel", "unknown_channel", `say "email" or "sms"`)
	}
	if h.Class = policy.Marketing; s.Class == "" {
		return nil
	}
	if h.Class, ok = policy.ParseClass(s.Class); !ok {
		return refuse("/class", "unknown_class", `say "marketing", "transactional", "service" or "mandatory"`)
	}
	return nil
}

func mayClass(p keys.Principal, c policy.Class) error {
	if p.May(scopes[c]) {
		return nil
	}
	return refuse("/class", "scope_missing", fmt.Sprintf("this API key lacks the scope %s that messages of class %s need", scopes[c], c))
}

// leavable refuses marketing mail that nobody could unsubscribe from (RFC 8058 §3.1).
func (in *Intake) leavable(h *batch.Head) error {
	if !in.o.NoLinks || h.Class != policy.Marketing || h.Channel != policy.Email {
		return nil
	}
	return refuse("/class", "no_public_url", "this gateway has no public address (public.url), so marketing mail would carry no working unsubscribe link")
}

// topic makes sure that the topic is declared, or declares it.
func (in *Intake) topic(h *batch.Head, dryRun bool) error {
	if h.Topic == "" {
		return nil
	}
	t, err := in.o.Catalog.Topic(h.Tenant, h.Topic)
	if errors.Is(err, catalog.ErrNotFound) && in.o.AutoTopics {
		t = catalog.Topic{ID: h.Topic, Name: h.Topic}
		if err = t.Check(); err == nil && !dryRun {
			t, err = in.o.Catalog.PutTopic(h.Tenant, t)
		}
	}
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		return refuse("/topic", "unknown_topic", "declare the topic first: POST /v1/topics")
	case errors.Is(err, catalog.ErrInvalid):
		_, remedy := catalog.Remedy(err)
		return refuse("/topic", "invalid_topic", remedy)
	case err != nil:
		return unavailable("catalog_unavailable", "topics cannot be read: try again", err)
	case t.Archived:
		return refuse("/topic", "topic_archived", "the topic was deleted: choose another")
	}
	return nil
}

// parseTimes reads send_at and expires_at. A send_at in the past is now.
func parseTimes(h *batch.Head, s *batchjson.Shared) (err error) {
	if h.SendAt, err = parseTime(s.SendAt, "/send_at"); err != nil {
		return err
	}
	if h.Expires, err = parseTime(s.ExpiresAt, "/expires_at"); err != nil {
		return err
	}
	switch {
	case h.SendAt.After(h.Created.Add(maxAhead)):
		return refuse("/send_at", "too_far_ahead", "send_at may be at most 365 days ahead")
	case !h.Expires.IsZero() && !h.Expires.After(later(h.Created, h.SendAt)):
		return refuse("/expires_at", "already_expired", "expires_at must lie after now and after send_at")
	case h.Expires.After(h.Created.Add(2 * maxAhead)):
		return refuse("/expires_at", "too_far_ahead", "expires_at may be at most 730 days ahead")
	}
	return nil
}

func parseTime(text, pointer string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, refuse(pointer, "invalid_time", `write it as RFC 3339 §5.6 does: "2026-11-21T20:00:00Z"`)
	}
	return t.UTC(), nil
}

// expiry is when an unsent message is given up.
func (in *Intake) expiry(h *batch.Head) time.Time {
	life := in.o.OtherLife
	if h.Class == policy.Marketing {
		life = in.o.MarketingLife
	}
	if h.Expires.IsZero() {
		return later(h.Created, h.SendAt).Add(life)
	}
	return h.Expires
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sender fills in the tenant's own sender and asks whether the tenant may use the one named.
func (in *Intake) sender(h *batch.Head) error {
	if h.From == "" {
		h.From = in.o.From(h.Tenant, h.Channel)
	}
	if h.From == "" {
		return refuse("/from", "missing", "say who the message is from")
	}
	if err := in.o.Senders(h.Tenant, h.Channel, h.From); err != nil {
		return refuse("/from", "sender_not_allowed", err.Error())
	}
	return nil
}

// routes compiles the content for its channel and, if a sender is known there, for the other one. Content that the caller wrote for the other
// channel must do; what a message would say there for want of it may turn out not to.
func (in *Intake) routes(p *plan) (err error) {
	h := &p.head
	if p.main, err = in.route(h, h.Channel, h.From); err != nil {
		return err
	}
	other := otherChannel(h.Channel)
	from := in.o.From(h.Tenant, other)
	if from == "" {
		return nil
	}
	r, err := in.route(h, other, from)
	switch {
	case err == nil:
		p.other = &r
	case speaks(h, other):
		return err
	}
	return nil
}

func (in *Intake) route(h *batch.Head, c policy.Channel, from string) (route, error) {
	names, err := in.compile(h, c, from)
	if err != nil {
		return route{}, contentFault(h, err)
	}
	if len(names) > maxRequired {
		return route{}, refuse("", "too_many_variables", fmt.Sprintf("the content asks each recipient for %d variables; %d is the most: give defaults, or shared vars", len(names), maxRequired))
	}
	r := route{channel: c, region: in.o.Region(h.Tenant)}
	email, sms := in.o.Keyers(h.Tenant)
	if r.keyer = email; c == policy.SMS {
		r.keyer = sms
	}
	for _, name := range names {
		r.required = append(r.required, variable{name, missingVariable(name)})
	}
	return r, nil
}

func otherChannel(c policy.Channel) policy.Channel { return policy.Email + policy.SMS - c }
