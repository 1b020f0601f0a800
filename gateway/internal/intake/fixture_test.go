package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/batchjson"
	"heed/gateway/internal/catalog"
	"heed/gateway/internal/keys"
	"heed/gateway/internal/queue"
	"heed/suppression"
	"heed/suppression/address"
	"heed/suppression/policy"

	"github.com/cockroachdb/pebble/v2/vfs"
)

var (
	noon   = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	secret = []byte("a secret of thirty-two bytes, ok")
)

// rowsOf is a list in memory.
type rowsOf struct {
	rows map[suppression.Key][]suppression.Row
	// eager says that every key may have rows, as a filter does that is being rebuilt.
	eager             bool
	checkErr, rowsErr error
	checks, keysAsked int
	rowsAsked         int
	email, sms        address.Keyer
	afterChecks       int // checkErr strikes after this many checks
}

func (l *rowsOf) CheckBatch(_ context.Context, keys []suppression.Key, hit []bool) error {
	l.checks++
	l.keysAsked += len(keys)
	if l.checkErr != nil && l.checks > l.afterChecks {
		for i := range hit { // "After an error no element of hit may be trusted."
			hit[i] = false
		}
		return l.checkErr
	}
	for i, k := range keys {
		hit[i] = l.eager || len(l.rows[k]) > 0
	}
	return nil
}

func (l *rowsOf) Rows(dst []suppression.Row, k suppression.Key) ([]suppression.Row, error) {
	l.rowsAsked++
	return append(dst, l.rows[k]...), l.rowsErr
}

// suppress adds a row about an address, under its family too where the policy says so.
func (l *rowsOf) suppress(t testing.TB, to string, r policy.Reason, topic string) {
	t.Helper()
	keyer, form, err := l.email, []byte(nil), error(nil)
	if to[0] == '+' {
		keyer = l.sms
		form, err = address.AppendPhone(nil, []byte(to), "")
	} else {
		form, err = address.AppendEmail(nil, []byte(to))
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keyer.AppendKeys(nil, form, policy.Families(r)) {
		l.rows[k] = append(l.rows[k], suppression.Row{Reason: r, Topic: topic, At: noon.Add(-time.Hour)})
	}
}

// fixture is an intake on a real queue and catalog in memory.
type fixture struct {
	*Intake
	t       testing.TB
	list    *rowsOf
	queue   *queue.Queue
	catalog *catalog.Catalog
	now     time.Time
	call    Call
	serial  byte
}

func setup(t testing.TB, change ...func(*Options)) *fixture {
	t.Helper()
	f := &fixture{t: t, now: noon, call: Call{Principal: keys.Principal{KeyID: "heed_test", Tenant: "acme", Scopes: keys.All}}}
	clock := func() time.Time { return f.now }
	f.list = &rowsOf{
		rows:  map[suppression.Key][]suppression.Row{},
		email: address.NewKeyer(secret, "acme", "email"), sms: address.NewKeyer(secret, "acme", "sms"),
	}
	var err error
	if f.queue, err = queue.Open("queue", queue.Options{FS: vfs.NewMem(), Now: clock}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.queue.Close(); err != nil {
			t.Error(err)
		}
	})
	f.catalog = catalog.New(f.queue, clock)
	o := Options{
		List: f.list, Policy: policy.Default(), Queue: f.queue, Catalog: f.catalog,
		Keyers: func(tenant string) (email, sms address.Keyer) { return keyersOf(tenant) },
		Region: func(string) string { return "NO" },
		From: func(_ string, c policy.Channel) string {
			return map[policy.Channel]string{policy.Email: "acme@example.com", policy.SMS: "+15005550006"}[c]
		},
		AutoTopics: true, Now: clock,
		Random: func() (r [10]byte) { f.serial++; r[9] = f.serial; return r },
	}
	for _, c := range change {
		c(&o)
	}
	f.Intake = New(o)
	return f
}

func keyersOf(tenant string) (email, sms address.Keyer) {
	return address.NewKeyer(secret, tenant, "email"), address.NewKeyer(secret, tenant, "sms")
}

// mail and text are plain shared parts.
func mail() *batchjson.Shared {
	return &batchjson.Shared{Channel: "email", Class: "marketing", Topic: "weekly", From: "News <news@example.com>", Subject: "Hi", Text: "t {{unsubscribe_url}}"}
}

func text() *batchjson.Shared {
	return &batchjson.Shared{Channel: "sms", Class: "transactional", From: "+15005550006", Body: "Hi"}
}

func to(list ...string) []batchjson.Recipient {
	var r []batchjson.Recipient
	for _, s := range list {
		r = append(r, batchjson.Recipient{To: []byte(s)})
	}
	return r
}

// result and reply are what a caller reads.
type result struct {
	Index     uint32
	To        string
	Status    string
	Code      string
	Detail    string
	Until     string
	MessageID string `json:"message_id"`
}

type reply struct {
	ID         string
	BatchID    string `json:"batch_id"`
	DryRun     bool   `json:"dry_run"`
	Status     string
	Accepted   int
	Suppressed int
	Invalid    int
	Duplicate  int
	Deferred   int
	Rerouted   int
	Results    []result
	Truncated  bool   `json:"results_truncated"`
	URL        string `json:"results_url"`
	Code       string
	Detail     string
}

func read(t testing.TB, a *Answer, err error) reply {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var r reply
	if err := json.Unmarshal(a.Body, &r); err != nil {
		t.Fatalf("%s: %v", a.Body, err)
	}
	return r
}

func (f *fixture) accept(s *batchjson.Shared, r []batchjson.Recipient) reply {
	f.t.Helper()
	a, err := f.Accept(f.t.Context(), f.call, s, r)
	return read(f.t, a, err)
}

// refused wants the call refused and nothing queued.
func (f *fixture) refused(s *batchjson.Shared, r []batchjson.Recipient, httpStatus int, code, pointer string) *Fault {
	f.t.Helper()
	a, err := f.Accept(f.t.Context(), f.call, s, r)
	return f.fault(a, err, httpStatus, code, pointer)
}

func (f *fixture) fault(a *Answer, err error, httpStatus int, code, pointer string) *Fault {
	f.t.Helper()
	var fault *Fault
	if !errors.As(err, &fault) || fault.Status != httpStatus || fault.Code != code || fault.Pointer != pointer || fault.Detail == "" {
		f.t.Errorf("%v, %+v; want %d %s %q", a, err, httpStatus, code, pointer)
		return &Fault{}
	}
	if statusOf[code] == 0 && !slices.Contains(foreignCodes, code) {
		f.t.Errorf("%s is not one of Codes", code)
	}
	if depth := f.queue.Depth(); len(depth) != 0 && (depth["email"] != queue.Counts{} || depth["sms"] != queue.Counts{}) {
		f.t.Errorf("%s: queued %v", code, depth)
	}
	return fault
}

// foreignCodes are those of message.Fault and of single recipients.
var foreignCodes = []string{"template_syntax", "control_character", "header_forbidden", "address_syntax"}

// stored is a recipient as the queue has it: "state to code vars".
func (f *fixture) stored(id string) (list []string) {
	f.t.Helper()
	b, err := batch.ParseID(id)
	if err != nil {
		f.t.Fatal(err)
	}
	var entries []queue.Entry
	for from, more := uint32(0), true; more; {
		var page []queue.Entry
		if page, from, more, err = f.queue.Recipients(b, 0, from, 1000); err != nil {
			f.t.Fatal(err)
		}
		entries = append(entries, page...)
	}
	for i, e := range entries {
		var seg batch.Segment
		if err := seg.Open(e.Payload); err != nil {
			f.t.Fatal(err)
		}
		if int(e.Index) != i {
			f.t.Fatalf("entry %d has index %d", i, e.Index)
		}
		r := seg.At(e.At)
		list = append(list, fmt.Sprintf("%s %s %s %s", e.State, r.To, r.Code, r.Vars))
	}
	return list
}

func (f *fixture) head(id string) *batch.Head {
	f.t.Helper()
	b, err := batch.ParseID(id)
	if err != nil {
		f.t.Fatal(err)
	}
	info, err := f.queue.Batch(b)
	if err != nil {
		f.t.Fatal(err)
	}
	h, err := batch.DecodeHead(info.Head)
	if err != nil {
		f.t.Fatal(err)
	}
	return h
}

// lease takes the next run of a lane.
func (f *fixture) lease(lane string) (*queue.Lease, []string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 5*time.Second)
	defer cancel()
	l, err := f.queue.Lease(ctx, lane, 1000)
	if err != nil {
		f.t.Fatal(err)
	}
	var seg batch.Segment
	if err := seg.Open(l.Payload); err != nil {
		f.t.Fatal(err)
	}
	var addresses []string
	for _, item := range l.Items {
		addresses = append(addresses, string(seg.At(item.Index).To))
	}
	return l, addresses
}
