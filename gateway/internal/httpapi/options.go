package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"heed/gateway/internal/optout/page"
	"heed/gateway/internal/optout/textin"
	"heed/suppression/address"
	"heed/suppression/policy"
)

// Options are the parts behind the API and its limits. Every part must be set but Page, Inbound and Transfer, without which their routes
// answer 404. Zero limits take the defaults named here.
type Options struct {
	// SoleTenant says that the gateway has one tenant. The list's rows do not tell their tenant, so it is shown as a whole only then.
	SoleTenant bool

	PublicURL string // "https://mail.example.com", for links in answers; never taken from Host
	Keys      checker
	Intake    Intake
	Queue     Queue
	List      List
	Keyers    func(tenant string) (email, sms address.Keyer)
	Region    func(tenant string) string // country of numbers without "+", ISO 3166-1 alpha-2; nil: none
	Policy    *policy.Table
	Catalog   Catalog
	Transfer  Transfer
	Page      func(ctx context.Context, r page.Request) page.Response     // unsubscribe and preference pages
	Inbound   func(ctx context.Context, r textin.Request) textin.Response // texts from Twilio

	Log     *slog.Logger
	Now     func() time.Time
	Observe func(operation string, status int, took time.Duration) // called once a request; must not block

	ReadTimeout    time.Duration // of a header block and a body's first 8 KiB; 5 s
	WriteTimeout   time.Duration // of each write; 10 s
	IdleTimeout    time.Duration // between two requests; 30 s
	CallTimeout    time.Duration // of a call that is no stream, body excepted; 30 s
	Concurrency    int           // open connections; 10,000
	ConnsPerIP     int           // open connections of one address; 0: no limit, as behind a proxy
	RequestsPerCon int           // after which a connection is closed; 0: no limit
	CallsPerKey    int           // open calls of one key; 64
	BodyMemory     int64         // bytes that all bodies in hand may take, and one key's half of; 64 MiB more are for small ones; 256 MiB
	BatchBytes     int64         // of a JSON batch or check; 16 MiB

	BatchRecipients int // of a JSON batch; 10,000
}

func (o Options) withDefaults() Options {
	setDefault(&o.ReadTimeout, 5*time.Second)
	setDefault(&o.WriteTimeout, 10*time.Second)
	setDefault(&o.IdleTimeout, 30*time.Second)
	setDefault(&o.CallTimeout, 30*time.Second)
	setDefault(&o.Concurrency, 10_000)
	setDefault(&o.CallsPerKey, 64)
	setDefault(&o.BodyMemory, 256<<20)
	setDefault(&o.BatchBytes, 16<<20)
	setDefault(&o.BatchRecipients, 10_000)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Region == nil {
		o.Region = func(string) string { return "" }
	}
	if o.Observe == nil {
		o.Observe = func(string, int, time.Duration) {}
	}
	o.PublicURL = strings.TrimSuffix(o.PublicURL, "/")
	return o
}

func setDefault[T int | int64 | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// check names the parts that are missing.
func (o Options) check() error {
	var missing []string
	for name, ok := range map[string]bool{
		"Keys": o.Keys != nil, "Intake": o.Intake != nil, "Queue": o.Queue != nil, "List": o.List != nil,
		"Keyers": o.Keyers != nil, "Policy": o.Policy != nil, "Catalog": o.Catalog != nil,
	} {
		if !ok {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		return errors.New("httpapi: options without " + strings.Join(missing, ", "))
	}
	return nil
}
