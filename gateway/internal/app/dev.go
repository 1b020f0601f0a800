package app

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"heed/gateway/internal/config"
	"heed/gateway/internal/keys"
	"heed/gateway/internal/message"
	"heed/gateway/internal/sandbox"
)

// sandboxed is what development mode adds: peers in this process, and sample keys.
type sandboxed struct {
	inbox *sandbox.Inbox
	texts *sandbox.Phones
	dkim  map[string][]byte // sample keys in PEM by selector; nil when the settings name keys
	keys  apiKeys
}

// info is what --info writes.
type info struct {
	Public           string  `json:"public"`
	Private          string  `json:"private"`
	Inbox            string  `json:"inbox"`
	InboxSMTP        string  `json:"inbox_smtp"`
	SMS              string  `json:"sms"`
	SMTPIn           string  `json:"smtp_in"`
	SMTPInDomain     string  `json:"smtp_in_domain"`
	Keys             apiKeys `json:"api_keys"`
	TwilioAccountSID string  `json:"twilio_account_sid"`
	TwilioAuthToken  string  `json:"twilio_auth_token"`
	TwilioInboundURL string  `json:"twilio_inbound_url"`
	// DKIM holds the sample keys' DNS records by selector: what <selector>._domainkey.<domain> would say.
	DKIM map[string]string `json:"dkim"`
	Data string            `json:"data"`
	PID  int               `json:"pid"`
}

type apiKeys struct {
	All       string `json:"all"`
	Marketing string `json:"marketing"`
}

// The sandbox's account, domain and number. The number is the one that Twilio's tests send from.
const (
	devAccount = "ACdeadbeefdeadbeefdeadbeefdeadbeef"
	devDomain  = "unsubscribe.heed.example"
	devNumber  = "+15005550006"
)

// presetDevelopment fills in what development mode does not ask for: routes to the sandbox, a number that takes STOP. What the settings do name stays.
func (g *gateway) presetDevelopment() error {
	if !g.o.Dev {
		return nil
	}
	if g.c.SMS.Twilio.AccountSID == "" {
		token := make([]byte, 16)
		rand.Read(token)
		g.c.SMS.Twilio = sandboxTwilio(g.c.SMS.Twilio, g.urls.SMS, hex.EncodeToString(token))
	}
	if g.c.Email.Relay.Addr == "" {
		g.c.Email.Relay.Addr, g.c.Email.Relay.TLS, g.c.Email.Relay.Hello = g.urls.InboxSMTP, "none", "heed.example"
	}
	if g.c.Inbound.Domain == "" {
		g.c.Inbound.Domain = devDomain
	}
	if g.c.Tenants[0].SMSNumbers == nil {
		g.c.Tenants[0].SMSNumbers = []string{devNumber}
	}
	g.c.Intake.RequireTemplate = false
	return nil
}

// openSandbox makes the peers, the sample keys that sign and the sample API keys.
func (g *gateway) openSandbox() error {
	if !g.o.Dev {
		return nil
	}
	g.sandbox = &sandboxed{inbox: sandbox.NewInbox(sandbox.InboxOptions{SMTP: g.listeners.inboxSMTP, HTTP: g.listeners.inboxHTTP})}
	if err := g.openPhones(); err != nil {
		return err
	}
	if len(g.c.Email.DKIM) == 0 {
		if err := g.devSigners(); err != nil {
			return err
		}
	}
	return g.devKeys()
}

func (g *gateway) openPhones() error {
	t := g.c.SMS.Twilio
	token, err := t.AuthToken.Reveal()
	if err != nil {
		return fmt.Errorf("sms.twilio.auth_token: %w", err)
	}
	g.sandbox.texts = sandbox.NewPhones(sandbox.PhonesOptions{HTTP: g.listeners.text, AccountSid: t.AccountSID, AuthToken: token})
	return nil
}

// devSelectors are the keys that development mode signs with, whatever the domain: nobody publishes them.
var devSelectors = map[string]string{"heed-dev-rsa": "rsa", "heed-dev-ed25519": "ed25519"}

// devSigners makes sample signing keys, once for a data folder.
func (g *gateway) devSigners() error {
	g.sandbox.dkim = map[string][]byte{}
	for selector, kind := range devSelectors {
		path := filepath.Join(g.c.Data, "secrets", selector+".pem")
		pem, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			if pem, err = message.GenerateKey(kind); err == nil {
				err = writeDurably(path, pem)
			}
		}
		if err != nil {
			return fmt.Errorf("sample DKIM key: %w", err)
		}
		g.sandbox.dkim[selector] = pem
	}
	return nil
}

// signer signs for any domain with the sample keys.
func (s *sandboxed) signer(domain string) *message.Signer {
	var keys []message.SigningKey
	for _, selector := range slices.Sorted(maps.Keys(s.dkim)) {
		keys = append(keys, message.SigningKey{Domain: domain, Selector: selector, PEM: s.dkim[selector]})
	}
	signer, err := message.NewSigner(keys)
	if err != nil { // a From whose domain cannot sign goes unsigned, as it would without keys
		return nil
	}
	return signer
}

func sandboxTwilio(t config.Twilio, url, token string) config.Twilio {
	t.AccountSID, t.AuthToken, t.BaseURL = devAccount, config.Secret(token), url
	return t
}

// devKeys makes sample API keys, the same ones at each start on a data folder.
func (g *gateway) devKeys() (err error) {
	tenant := g.c.Tenants[0].ID
	if g.sandbox.keys.All, err = g.devKey(tenant, "dev-all", keys.All); err != nil {
		return err
	}
	g.sandbox.keys.Marketing, err = g.devKey(tenant, "dev-marketing", keys.SendMarketing)
	return err
}

// devKey reads the sample key of a name that an earlier start has kept, or makes one and keeps it, which only a sample may be.
func (g *gateway) devKey(tenant, name string, s keys.Scope) (string, error) {
	path := filepath.Join(g.c.Data, "secrets", name+".apikey")
	if kept, err := os.ReadFile(path); err == nil {
		secret := strings.TrimSpace(string(kept))
		if p, err := g.keys.Check(secret); err == nil && p.Tenant == tenant {
			return secret, nil
		}
	}
	secret, _, err := g.keys.Create(tenant, name, s, 0)
	if err != nil {
		return "", fmt.Errorf("sample key: %w", err)
	}
	return secret, writeDurably(path, []byte(secret+"\n"))
}

// welcome tells a newcomer, and scripts, where everything is.
func (g *gateway) welcome() {
	if g.sandbox == nil {
		return
	}
	u, k := g.urls, g.sandbox.keys
	fmt.Fprintf(g.o.Out, `heed is ready, in development mode: nothing leaves this machine.

  API and pages   %s
  inbox           %s   (mail that was sent)
  phones          %s   (texts that were sent)
  operators       %s   (/metrics, /readyz)
  unsubscribes    %s   (SMTP, for mailto:)
  data            %s

  API key         %s

Send a first message, then look into the inbox:

  curl -sS %s/v1/messages -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' -d '{"channel":"email","class":"marketing","topic":"weekly","from":"News <news@example.com>","subject":"Hi {{name}}","text":"Hello {{name}}!","to":"ann@example.org","vars":{"name":"Ann"}}'

`, u.Public, u.Inbox, u.SMS, u.Private, u.SMTPIn, g.c.Data, k.All, u.Public, k.All)
}

// writeInfo writes the file of --info, whole or not at all, once everything listens.
func (g *gateway) writeInfo() error {
	if g.o.Info == "" {
		return nil
	}
	token, err := g.c.SMS.Twilio.AuthToken.Reveal()
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(info{
		Public: g.urls.Public, Private: g.urls.Private, Inbox: g.urls.Inbox, InboxSMTP: g.urls.InboxSMTP, SMS: g.urls.SMS,
		SMTPIn: g.urls.SMTPIn, SMTPInDomain: g.c.Inbound.Domain, Keys: g.sandbox.keys,
		TwilioAccountSID: g.c.SMS.Twilio.AccountSID, TwilioAuthToken: token, TwilioInboundURL: g.urls.links + inboundTwilio,
		DKIM: g.sandbox.records(), Data: g.c.Data, PID: os.Getpid(),
	}, "", "  ")
	if err != nil {
		return err
	}
	return writeDurably(g.o.Info, append(text, '\n'))
}

// records are what DNS would say of the sample keys.
func (s *sandboxed) records() map[string]string {
	list := map[string]string{}
	for selector, pem := range s.dkim {
		list[selector], _ = message.DNSRecord(pem) // keys of our own making
	}
	return list
}
