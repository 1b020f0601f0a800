package suppression

import (
	"context"
	"time"

	"heed/suppression/address"
	"heed/suppression/policy"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Key is the keyed digest of an address; see address.Keyer.
type Key = address.Key

// Source says by which road a row came. The numbers are stored on disk: never renumber.
type Source uint8

const (
	ByAPI      Source = 1
	ByOneClick Source = 2
	ByPage     Source = 3
	ByMail     Source = 4
	BySMS      Source = 5
	ByBounce   Source = 6
	ByReport   Source = 7
	ByProvider Source = 8
	ByImport   Source = 9
	ByOperator Source = 10
)

// Row is one live suppression of an address.
type Row struct {
	Reason      policy.Reason
	Topic       string
	Class       policy.Class
	AllChannels bool
	At          time.Time // whole seconds, UTC
	Source      Source
	// Position is where in the list's history the row was (last) made; an opt-in names the position it had observed.
	Position uint64
}

// Op is what a Change does.
type Op uint8

const (
	Add  Op = 1 // add the row
	Lift Op = 2 // lift rows of Reason and Topic made at or before Observed
)

// Change is one act on the list.
type Change struct {
	Key Key
	Op  Op
	Row Row // for Lift: Reason (0 = any the person may lift), Topic
	// Observed is the position up to which a Lift speaks. A row made later stays.
	Observed uint64
}

// Options of Open.
type Options struct {
	FS             vfs.FS  // nil: the operating system's, with disk-health checks
	Secret         []byte  // the secret the keys were made with; only its fingerprint is stored
	Capacity       int     // addresses the filter is first sized for; it grows by itself
	FalsePositives float64 // target rate; 0 means 0.001
	CacheBytes     int64
	Events         Events
}

// Events are called at turning points; they must not block. Nil fields are skipped.
type Events struct {
	FilterRebuilding func(why string)
	FilterReady      func(keys int, took time.Duration)
	Trouble          func(err error)
}

// List is the suppression list. Safe for concurrent use.
type List struct{}

// Open opens the list in dir, creating it if needed. It answers correctly as soon as it returns: while the
// filter is being rebuilt, checks go to the store.
func Open(dir string, o Options) (*List, error) { panic("contract") }

// Run does the background work (filter rebuild and growth, snapshots) until ctx ends.
func (l *List) Run(ctx context.Context) error { panic("contract") }

// Close saves the filter and closes the store. Requires: Run has returned, no other call is running.
func (l *List) Close() error { panic("contract") }

// Apply makes the changes durable, all or none, and in force: when it returns nil, they are on stable storage, every
// later check sees them, and every hand-off to an added key that had passed its check before has ended (P1).
// It returns the position given to the changes.
func (l *List) Apply(ctx context.Context, changes ...Change) (uint64, error) { panic("contract") }

// CheckBatch sets hit[i] if keys[i] may have rows: false is certain, true is confirmed by Rows.
// After an error no element of hit may be trusted.
func (l *List) CheckBatch(ctx context.Context, keys []Key, hit []bool) error { panic("contract") }

// Rows appends the live rows of a key.
func (l *List) Rows(dst []Row, key Key) ([]Row, error) { panic("contract") }

// Position is the position of the latest change in force.
func (l *List) Position() uint64 { panic("contract") }

// Scan calls fn for each key with live rows, in key order after `after`, until fn returns false.
func (l *List) Scan(ctx context.Context, after Key, fn func(Key, []Row) bool) error {
	panic("contract")
}

// BeginHandoff announces a hand-off to the address with these keys. From now until end is called, an Apply that adds to one
// of the keys waits (at most handoffWait past the start it was told of). The caller checks Rows after
// BeginHandoff returned and before the first byte.
func (l *List) BeginHandoff(keys ...Key) (end func()) { panic("contract") }

// Stats describes the list.
type Stats struct {
	Keys           uint64 // keys in the filter, lifted ones until the next rebuild included
	FilterBytes    uint64
	FilterReady    bool
	FilterCapacity uint64
	DiskBytes      uint64
	Position       uint64
}

func (l *List) Stats() Stats { panic("contract") }
