package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// faults gathers everything that is wrong, so that one run of check-config tells all.
type faults []error

func (f *faults) add(ok bool, key, remedy string, args ...any) {
	if !ok {
		*f = append(*f, fmt.Errorf("%s: %s", key, fmt.Sprintf(remedy, args...)))
	}
}

// Validate reports every value that cannot work, with its key path and what to write instead.
func (c Config) Validate() error {
	var f faults
	f.add(c.Data != "", "data", "name the folder that holds the stores")
	c.validateListeners(&f)
	c.validateTenants(&f)
	c.validateEmail(&f)
	c.validateSMS(&f)
	c.validateLimits(&f)
	return errors.Join(f...)
}

func (c Config) validateListeners(f *faults) {
	f.add(isAddress(c.Public.Listen), "public.listen", "write host:port, such as 127.0.0.1:8080")
	f.add(c.Public.BehindProxy || isLoopback(c.Public.Listen), "public.listen",
		"this listener speaks plain HTTP: listen on loopback, or set public.behind_proxy to true when a proxy that ends TLS stands in front")
	f.add(isAddress(c.Private.Listen) && isLoopback(c.Private.Listen), "private.listen", "write a loopback host:port, such as 127.0.0.1:8081")
	f.add(c.Inbound.Listen == "" || isAddress(c.Inbound.Listen), "inbound.listen", "write host:port, or leave it out for no inbound mail")
	f.add((c.Inbound.Listen == "") == (c.Inbound.Domain == ""), "inbound.domain", "name the mail domain of inbound.listen (both or neither)")
	u, err := url.Parse(c.Public.URL)
	ok := c.Public.URL == "" || err == nil && u.Host != "" && u.RawQuery == "" && (u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Host))
	f.add(ok, "public.url", "write the https:// address under which people and providers reach the public listener")
}

var tenantID = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)

func (c Config) validateTenants(f *faults) {
	f.add(len(c.Tenants) > 0, "tenants", "name at least one tenant")
	seen := map[string]bool{}
	for i, t := range c.Tenants {
		key := fmt.Sprintf("tenants[%d].id", i)
		f.add(tenantID.MatchString(t.ID), key, "write 1 to 32 of a-z, 0-9, - and _, beginning with a letter or digit")
		f.add(!seen[t.ID], key, "%q is there twice", t.ID)
		seen[t.ID] = true
		region := fmt.Sprintf("tenants[%d].default_region", i)
		f.add(t.DefaultRegion == "" || len(t.DefaultRegion) == 2 && strings.ToUpper(t.DefaultRegion) == t.DefaultRegion, region,
			"write an ISO 3166-1 country code such as NO, or leave it out")
	}
}

func (c Config) validateEmail(f *faults) {
	r := c.Email.Relay
	f.add(r.Addr == "" || isAddress(r.Addr), "email.relay.addr", "write host:port of the SMTP relay")
	f.add(slices.Contains([]string{"none", "opportunistic", "starttls", "implicit"}, r.TLS), "email.relay.tls", "write none, opportunistic, starttls or implicit")
	f.add(r.Connections >= 1 && r.Connections <= 1000, "email.relay.connections", "write 1 to 1000")
	f.add(r.PerConn >= 1 && r.PerConn <= 1_000_000, "email.relay.messages_per_connection", "write 1 to 1000000")
	f.add((r.Username == "") == (r.Password == ""), "email.relay.password", "give username and password, or neither")
	f.add(r.Username == "" || r.TLS == "starttls" || r.TLS == "implicit" || isLoopback(r.Addr), "email.relay.tls",
		"a password is only sent over TLS: write starttls or implicit")
	for key, d := range map[string]time.Duration{"idle": r.IdleTimeout, "dial": r.DialTimeout, "command": r.Timeout, "data": r.DataTimeout} {
		between(f, "email.relay."+key+"_timeout", d, time.Second, time.Hour)
	}
	for i, k := range c.Email.DKIM {
		f.add(k.Domain != "" && k.Selector != "" && k.KeyFile != "", fmt.Sprintf("email.dkim[%d]", i), "give domain, selector and key_file")
	}
}

func (c Config) validateSMS(f *faults) {
	t := c.SMS.Twilio
	f.add(t.AccountSID == "" || strings.HasPrefix(t.AccountSID, "AC"), "sms.twilio.account_sid", "it begins with AC")
	f.add((t.AccountSID == "") == (t.AuthToken == ""), "sms.twilio.auth_token", "give account_sid and auth_token, or neither")
	u, err := url.Parse(t.BaseURL)
	f.add(err == nil && u.Host != "" && (u.Scheme == "https" || isLoopback(u.Host)), "sms.twilio.base_url", "write an https:// address")
	f.add(t.Connections >= 1 && t.Connections <= 1000, "sms.twilio.connections", "write 1 to 1000")
	between(f, "sms.twilio.timeout", t.Timeout, time.Second, 5*time.Minute)
}

func (c Config) validateLimits(f *faults) {
	f.add(c.Intake.MaxRecipients >= 1 && c.Intake.MaxRecipients <= 100_000, "intake.max_recipients", "write 1 to 100000")
	f.add(c.Intake.MaxBody >= 64<<10 && c.Intake.MaxBody <= 256<<20, "intake.max_body", "write 64 KiB to 256 MiB")
	between(f, "intake.marketing_life", c.Intake.MarketingLife, time.Minute, 7*24*time.Hour)
	between(f, "intake.other_life", c.Intake.OtherLife, time.Minute, 30*24*time.Hour)
	f.add(c.List.Capacity >= 1000 && c.List.Capacity <= 1_000_000_000, "suppression.capacity", "write 1000 to 1000000000")
	f.add(c.List.FalsePositives > 0 && c.List.FalsePositives <= 0.05, "suppression.false_positives", "write a share above 0 and up to 0.05, such as 0.001")
	between(f, "queue.result_delay", c.Queue.ResultDelay, time.Millisecond, time.Second)
	between(f, "queue.retention", c.Queue.Retention, time.Hour, 400*24*time.Hour)
	between(f, "retry.least", c.Retry.Least, time.Millisecond, time.Hour)
	between(f, "retry.first", c.Retry.First, c.Retry.Least, 24*time.Hour)
	between(f, "retry.max", c.Retry.Max, c.Retry.First, 48*time.Hour)
	f.add(c.Retry.Tries >= 0 && c.Retry.Tries <= 1000, "retry.tries", "write 0 (until the message expires) to 1000")
	between(f, "shutdown.grace", c.Shutdown.Grace, 0, time.Hour)
	f.add(slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level), "log.level", "write debug, info, warn or error")
	f.add(slices.Contains([]string{"text", "json"}, c.Log.Format), "log.format", "write text or json")
}

func between(f *faults, key string, d, least, most time.Duration) {
	f.add(d >= least && d <= most, key, "write a duration from %v to %v", least, most)
}

func isAddress(s string) bool {
	_, port, err := net.SplitHostPort(s)
	return err == nil && port != ""
}

// isLoopback tells whether host:port (or host) is on this machine only.
func isLoopback(s string) bool {
	host, _, err := net.SplitHostPort(s)
	if err != nil {
		host = s
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
