package app

import (
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"heed/gateway/internal/config"
	"heed/gateway/internal/dispatch"
	"heed/gateway/internal/message"
	"heed/gateway/internal/queue"
	"heed/senders"
	"heed/senders/smtprelay"
	"heed/senders/twilio"
	"heed/suppression/policy"
)

// leased at a time: few enough that a batch of a thousand spreads over the workers, enough that leasing costs nothing.
const chunk = 32

// openRoutes makes the lanes' senders. A lane without a route has no workers: its messages wait in the queue.
func (g *gateway) openRoutes() error {
	if g.c.Email.Relay.Addr != "" {
		relay, err := newRelay(g.c.Email.Relay)
		if err != nil {
			return fmt.Errorf("email.relay: %w", err)
		}
		g.lane(policy.Email, relay, g.c.Email.Relay.Connections)
	}
	if g.c.SMS.Twilio.AccountSID != "" {
		texts, err := newTwilio(g.c.SMS.Twilio)
		if err != nil {
			return fmt.Errorf("sms.twilio: %w", err)
		}
		g.lane(policy.SMS, texts, g.c.SMS.Twilio.Connections)
	}
	return nil
}

func (g *gateway) lane(c policy.Channel, s senders.Sender, workers int) {
	g.lanes = append(g.lanes, dispatch.Lane{Name: c.String(), Channel: c, Sender: s, Workers: workers, Chunk: chunk})
}

// tlsModes are the settings' names of the relay's modes.
var tlsModes = map[string]smtprelay.TLSMode{
	"none": smtprelay.NoTLS, "opportunistic": smtprelay.StartTLSIfOffered, "starttls": smtprelay.StartTLSRequired, "implicit": smtprelay.ImplicitTLS,
}

func newRelay(r config.Relay) (senders.Sender, error) {
	password, err := r.Password.Reveal()
	if err != nil {
		return nil, err
	}
	hello := r.Hello
	if hello == "" {
		if hello, err = os.Hostname(); err != nil {
			return nil, fmt.Errorf("hello: %w", err)
		}
	}
	return smtprelay.New(smtprelay.Options{
		Addr: r.Addr, TLS: tlsModes[r.TLS], Username: r.Username, Password: password, Hello: hello,
		MaxConns: r.Connections, MaxPerConn: r.PerConn, IdleTimeout: r.IdleTimeout,
		Timeouts: smtprelay.Timeouts{Dial: r.DialTimeout, Greeting: r.DialTimeout, Command: r.Timeout, DataWrite: r.Timeout, DataReply: r.DataTimeout},
	})
}

func newTwilio(t config.Twilio) (senders.Sender, error) {
	token, err := t.AuthToken.Reveal()
	if err != nil {
		return nil, err
	}
	return twilio.New(twilio.Options{
		AccountSid: t.AccountSID, AuthToken: token, BaseURL: t.BaseURL, MessagingServiceSid: t.MessagingServiceSID,
		Timeout: t.Timeout, MaxConcurrent: t.Connections,
	})
}

// newDispatcher connects the queue to the lanes.
func (g *gateway) newDispatcher() (*dispatch.Dispatcher, error) {
	signers, err := newSigners(g.c.Email.DKIM)
	if err != nil {
		return nil, fmt.Errorf("email.dkim: %w", err)
	}
	sign := func(domain string) *message.Signer { return signers[domain] }
	if g.sandbox != nil && g.sandbox.dkim != nil {
		sign = g.sandbox.signer
	}
	return dispatch.New(dispatch.Options{
		Queue: g.queue, List: g.list, Policy: g.table, Lanes: g.lanes,
		Find:  g.tenants.find,
		From:  g.tenants.from,
		Links: g.links,
		Sign:  sign,
		Learn: learn,
		Retry: dispatch.Retry{Least: g.c.Retry.Least, First: g.c.Retry.First, Max: g.c.Retry.Max, Tries: g.c.Retry.Tries},
		Grace: g.c.Shutdown.Grace,
		Now:   time.Now,
		Rand:  rand.Float64,
		Outcome: func(lane string, class policy.Class, s queue.State, _ string) {
			g.metrics.Result(lane, class.String(), s.String())
		},
		Trouble: g.trouble,
	}), nil
}

// newSigners reads the signing keys, by domain.
func newSigners(list []config.DKIM) (map[string]*message.Signer, error) {
	keys := map[string][]message.SigningKey{}
	for _, k := range list {
		pem, err := os.ReadFile(k.KeyFile)
		if err != nil {
			return nil, err
		}
		keys[k.Domain] = append(keys[k.Domain], message.SigningKey{Domain: k.Domain, Selector: k.Selector, PEM: pem})
	}
	signers := map[string]*message.Signer{}
	for domain, k := range keys {
		s, err := message.NewSigner(k)
		if err != nil {
			return nil, fmt.Errorf("keys of %s: %w", domain, err)
		}
		signers[domain] = s
	}
	return signers, nil
}

// lessons are the answers that say something lasting about an address: RFC 3463 codes of mailboxes that do not exist, and Twilio's of numbers
// that cannot get texts or have said STOP to the provider. Refusals for policy, content or reputation say nothing about it.
var lessons = map[policy.Channel]map[string]policy.Reason{
	policy.Email: {"5.1.1": policy.HardBounce, "5.1.6": policy.HardBounce, "5.1.10": policy.HardBounce, "5.2.1": policy.HardBounce},
	policy.SMS:   {"21610": policy.SMSStop, "21211": policy.InvalidNumber, "21614": policy.InvalidNumber},
}

func learn(c policy.Channel, code string) policy.Reason { return lessons[c][code] }
