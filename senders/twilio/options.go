package twilio

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"time"
)

// Options describes a Twilio account. Zero durations and counts take the default named.
type Options struct {
	AccountSid string
	AuthToken  string // of the account; or
	APIKey     string // an API key's SID, and
	APISecret  string // its secret

	BaseURL string // "" is https://api.twilio.com; http is for loopback only
	// MessagingServiceSid, if set, sends every text through that service; its sender pool then replaces Message.From.
	MessagingServiceSid string
	StatusCallback      string // URL for receipts; "" for none

	Timeout       time.Duration // a whole call; 30 s
	DialTimeout   time.Duration // TCP and TLS each; 10 s
	IdleTimeout   time.Duration // an unused connection is closed after it; 20 s
	MaxConcurrent int           // calls at a time, and connections; 50
	// TLSConfig may be nil; MinVersion defaults to TLS 1.2.
	TLSConfig *tls.Config
	// Dial, if set, replaces net.Dialer, as a guard or in tests.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

const apiURL = "https://api.twilio.com"

func (o Options) withDefaults() Options {
	if o.BaseURL == "" {
		o.BaseURL = apiURL
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&o.Timeout, 30 * time.Second}, {&o.DialTimeout, 10 * time.Second}, {&o.IdleTimeout, 20 * time.Second}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if o.MaxConcurrent == 0 {
		o.MaxConcurrent = 50
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	return o
}

var sid = regexp.MustCompile(`^[A-Z]{2}[0-9a-f]{32}$`)

// check reports every fault at once.
func (o Options) check() error {
	var faults []error
	fault := func(bad bool, text string) {
		if bad {
			faults = append(faults, errors.New(text))
		}
	}
	fault(!sid.MatchString(o.AccountSid), "AccountSid: want AC and 32 hex digits")
	fault(o.AuthToken == "" && o.APISecret == "", "AuthToken: missing, and no APIKey with APISecret either")
	fault((o.APIKey == "") != (o.APISecret == ""), "APIKey and APISecret: one without the other")
	fault(o.MessagingServiceSid != "" && !isService(o.MessagingServiceSid), "MessagingServiceSid: want MG and 32 hex digits")
	fault(min(o.Timeout, o.DialTimeout, o.IdleTimeout) < 0 || o.MaxConcurrent < 0, "timeouts and MaxConcurrent: none may be negative")
	if _, err := parseBase(o.BaseURL); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

func isService(s string) bool { return len(s) > 2 && s[:2] == "MG" && sid.MatchString(s) }

// parseBase wants https, so that the token stays secret; http is for a simulator on the same machine.
func parseBase(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("BaseURL: want https://host, not %q", s)
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
		return nil, fmt.Errorf("BaseURL %s: want https (http is for loopback only)", u.Redacted())
	}
	return u, nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// credentials are the user and password of HTTP Basic.
func (o Options) credentials() (user, password string) {
	if o.APIKey != "" {
		return o.APIKey, o.APISecret
	}
	return o.AccountSid, o.AuthToken
}
