package suppression

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options of Open.
type Options struct {
	FS             vfs.FS  // nil: the operating system's, with disk-health checks
	Secret         []byte  // the secret the keys were made with, at least 32 bytes; only its fingerprint is stored
	Capacity       int     // addresses the filter is first sized for; it grows by itself. 0 means a million
	FalsePositives float64 // target rate, 0.000001..0.5; 0 means 0.001
	CacheBytes     int64   // block cache of the store; 0 means 16 MiB
	// MustExist says that there has been a list: to find none is ErrMissing then, and Open changes nothing. Without it a list that is
	// lost with all of its folder reads as an empty one.
	MustExist bool
	// HandoffWait bounds how long Apply waits for hand-offs that have begun to end; 0 means 2 s, negative not at all.
	// See List.Admit for what that means.
	HandoffWait time.Duration
	// KeepJournal is how many positions the journal keeps behind the saved filter, for whoever reads it later.
	KeepJournal uint64
	Events      Events
}

// Events are called at turning points; they must not block. Nil fields are skipped.
type Events struct {
	FilterRebuilding func(why string)
	FilterReady      func(keys int, took time.Duration)
	Trouble          func(err error)
}

const (
	defaultCapacity    = 1_000_000
	defaultRate        = 0.001
	defaultCache       = 16 << 20
	defaultHandoffWait = 2 * time.Second
	minSecret          = 32
)

// complete fills in the defaults and refuses what cannot work, all faults at once.
func (o Options) complete() (Options, error) {
	var faults []error
	if len(o.Secret) < minSecret {
		faults = append(faults, fmt.Errorf("secret of %d bytes: at least %d are needed", len(o.Secret), minSecret))
	}
	if o.Capacity < 0 {
		faults = append(faults, fmt.Errorf("capacity %d is negative", o.Capacity))
	}
	if o.FalsePositives != 0 && !(o.FalsePositives >= 1e-6 && o.FalsePositives <= 0.5) {
		faults = append(faults, fmt.Errorf("false-positive rate %g is outside 0.000001..0.5", o.FalsePositives))
	}
	if o.FalsePositives == 0 {
		o.FalsePositives = defaultRate
	}
	if o.Capacity == 0 {
		o.Capacity = defaultCapacity
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = defaultCache
	}
	if o.HandoffWait == 0 {
		o.HandoffWait = defaultHandoffWait
	}
	return o, errors.Join(faults...)
}

// fingerprint tells secrets apart without giving them away: HMAC-SHA-256 under the secret (RFC 2104), cut to 16 bytes.
func fingerprint(secret []byte) (f [16]byte) {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("heed suppression list fingerprint"))
	copy(f[:], mac.Sum(nil))
	return f
}

func (e *Events) rebuilding(why string) {
	if e.FilterRebuilding != nil {
		e.FilterRebuilding(why)
	}
}

func (e *Events) ready(keys uint64, took time.Duration) {
	if e.FilterReady != nil {
		e.FilterReady(int(keys), took)
	}
}

func (e *Events) trouble(err error) {
	if e.Trouble != nil {
		e.Trouble(err)
	}
}
