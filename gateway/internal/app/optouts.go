package app

import (
	"context"
	"errors"
	"time"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/dispatch"
	"heed/gateway/internal/optout"
	"heed/gateway/internal/optout/mailin"
	"heed/gateway/internal/optout/page"
	"heed/gateway/internal/optout/textin"
	"heed/gateway/internal/queue"
	"heed/suppression"
	"heed/suppression/policy"
)

// inboundTwilio is the path of the webhook for texts; Twilio is given it behind public.url.
const inboundTwilio = "/v1/inbound/twilio"

// openPages makes the unsubscribe pages.
func (g *gateway) openPages() (*page.Pages, error) {
	return page.New(page.Options{Signer: g.signer, Desk: g.desk, Names: g.names, Now: time.Now})
}

// textHandler answers for texts sent back; nil without an account, since without its token no signature can be checked.
func (g *gateway) textHandler() (func(context.Context, textin.Request) textin.Response, error) {
	if g.c.SMS.Twilio.AccountSID == "" {
		return nil, nil
	}
	token, err := g.c.SMS.Twilio.AuthToken.Reveal()
	if err != nil {
		return nil, err
	}
	hook, err := textin.New(textin.Options{
		Desk: g.desk, URL: g.urls.links + inboundTwilio, AuthTokens: []string{token}, AccountSid: g.c.SMS.Twilio.AccountSID,
		Tenant: g.tenants.texted, Key: g.textKey, Started: g.started, Note: g.noteStart, Now: time.Now,
	})
	if err != nil {
		return nil, err
	}
	return hook.Handle, nil
}

// stopped observes how long an opt-out took to be in force.
func (g *gateway) stopped(by suppression.Source, received time.Time) {
	g.metrics.OptOut(by.String(), time.Since(received))
}

// names are what people know a tenant and a topic by.
func (g *gateway) names(tenant, topic string) (brand, list string) {
	if t := g.tenants[tenant]; t != nil {
		brand = t.Name
	}
	if t, err := g.catalog.Topic(tenant, topic); err == nil {
		list = t.Name
	}
	return brand, list
}

func (g *gateway) textKey(tenant, number string) (suppression.Key, error) {
	found, err := g.tenants.find(tenant, policy.SMS, []byte(number))
	if err != nil {
		return suppression.Key{}, err
	}
	return found.Keys[0], nil
}

// startsSpace holds the ids of START texts that have been acted on: a signature carries no time, and a replay must not lift a later STOP.
const (
	startsSpace = "start"
	startsKept  = 400 * 24 * time.Hour
)

func (g *gateway) started(_ context.Context, sid string) (bool, error) {
	_, err := g.queue.Get(startsSpace, sid)
	if errors.Is(err, queue.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (g *gateway) noteStart(_ context.Context, sid string) error {
	return g.queue.Put(queue.Record{Space: startsSpace, Key: sid, Expires: time.Now().Add(startsKept)})
}

// openMail makes the server for mailto: unsubscribes.
func (g *gateway) openMail() (err error) {
	if g.listeners.inbound == nil {
		return nil
	}
	g.mail, err = mailin.New(mailin.Options{
		Listener: g.listeners.inbound, Domain: g.c.Inbound.Domain, Signer: g.signer, Desk: g.desk,
		Resolve: g.resolve, Now: time.Now, Trouble: func(err error) { g.trouble("inbound mail", err) },
	})
	return err
}

// links makes the ways out that a message carries.
func (g *gateway) links(t dispatch.Target) dispatch.Links {
	token := string(g.signer.Append(nil, tokenOf(t)))
	l := dispatch.Links{OneClick: g.urls.links + page.OneClickPath + token, Page: g.urls.links + page.ChoicePath + token}
	if g.c.Inbound.Domain != "" {
		l.Mailbox = string(g.signer.AppendMailbox(nil, t.Batch, t.Index)) + "@" + g.c.Inbound.Domain
	}
	return l
}

func tokenOf(t dispatch.Target) optout.Token {
	token := optout.Token{
		Tenant: t.Tenant, Channel: t.Channel, Topic: t.Topic, Class: t.Class, Key: t.Keys[0],
		Batch: t.Batch, Index: t.Index, Day: t.Day,
	}
	if len(t.Keys) > 1 {
		token.Family = t.Keys[1]
	}
	return token
}

// resolve finds the token of a message, for the short form in mailto: addresses. Only mail carries those, that of a rerouted batch for texts included.
func (g *gateway) resolve(_ context.Context, id [16]byte, index uint32) (optout.Token, error) {
	head, to, err := g.recipient(id, index)
	if errors.Is(err, queue.ErrNotFound) {
		return optout.Token{}, optout.ErrUnknown
	}
	if err != nil {
		return optout.Token{}, err
	}
	found, err := g.tenants.find(head.Tenant, policy.Email, to)
	if err != nil {
		return optout.Token{}, err
	}
	return tokenOf(dispatch.Target{
		Tenant: head.Tenant, Channel: policy.Email, Class: head.Class, Topic: head.Topic, Batch: batch.ID(id), Index: index, Keys: found.Keys,
	}), nil
}

// recipient reads a batch's shared part and the address of one of its recipients.
func (g *gateway) recipient(id [16]byte, index uint32) (*batch.Head, []byte, error) {
	info, err := g.queue.Batch(id)
	if err != nil {
		return nil, nil, err
	}
	entry, _, err := g.queue.Timeline(id, index)
	if err != nil {
		return nil, nil, err
	}
	head, err := batch.DecodeHead(info.Head)
	if err != nil {
		return nil, nil, err
	}
	var s batch.Segment
	if err := s.Open(entry.Payload); err != nil {
		return nil, nil, err
	}
	return head, s.At(entry.At).To, nil
}
