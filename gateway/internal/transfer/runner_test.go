package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"heed/gateway/internal/queue"
	"heed/suppression"
	"heed/suppression/address"
	"heed/suppression/policy"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"
)

var secret = []byte("0123456789abcdef0123456789abcdef")

// node is what an import writes to: a list, a record store and a file system. It can be made to fail from a write on, which may or
// may not have taken effect; what took effect stays, as on a disk.
type node struct {
	sync.Mutex
	fs      *vfs.MemFS
	rows    map[suppression.Key][]suppression.Row
	records map[string]queue.Record
	writes  int
	failAt  int  // 0: never
	takes   bool // the failing write takes effect
	applied func()
}

var errDead = errors.New("no answer")

func newNode() *node {
	return &node{fs: vfs.NewCrashableMem(), rows: map[suppression.Key][]suppression.Row{}, records: map[string]queue.Record{}}
}

// write runs a write unless the node fails before it.
func (n *node) write(effect func()) error {
	n.Lock()
	defer n.Unlock()
	n.writes++
	if n.failAt > 0 && n.writes >= n.failAt {
		if n.takes && n.writes == n.failAt {
			effect()
		}
		return errDead
	}
	effect()
	return nil
}

func (n *node) Apply(ctx context.Context, changes ...suppression.Change) (uint64, error) {
	if n.applied != nil {
		n.applied()
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if len(changes) > suppression.MaxChanges {
		return 0, suppression.ErrChange
	}
	return 0, n.write(func() {
		for _, c := range changes {
			if c.Op != suppression.Add {
				panic("an import does not lift")
			}
			if !slices.Contains(n.rows[c.Key], c.Row) {
				n.rows[c.Key] = append(n.rows[c.Key], c.Row)
			}
		}
	})
}

func (n *node) Put(r ...queue.Record) error {
	return n.write(func() {
		for _, r := range r {
			r.Value = bytes.Clone(r.Value)
			n.records[r.Space+"\x00"+r.Key] = r
		}
	})
}

func (n *node) Get(space, key string) ([]byte, error) {
	n.Lock()
	defer n.Unlock()
	r, ok := n.records[space+"\x00"+key]
	if !ok {
		return nil, queue.ErrNotFound
	}
	return r.Value, nil
}

func (n *node) List(space, after string, limit int) (keys []string, values [][]byte, err error) {
	n.Lock()
	defer n.Unlock()
	for _, k := range slices.Sorted(maps.Keys(n.records)) {
		if r := n.records[k]; r.Space == space && r.Key > after && len(keys) < limit {
			keys, values = append(keys, r.Key), append(values, r.Value)
		}
	}
	return keys, values, nil
}

func (n *node) Scan(_ context.Context, after suppression.Key, fn func(suppression.Key, []suppression.Row) bool) error {
	keys := slices.SortedFunc(maps.Keys(n.rows), func(a, b suppression.Key) int { return bytes.Compare(a[:], b[:]) })
	for _, k := range keys {
		if bytes.Compare(k[:], after[:]) > 0 && !fn(k, n.rows[k]) {
			return nil
		}
	}
	return nil
}

func (n *node) open(t testing.TB) *Runner {
	t.Helper()
	r, err := Open("imports", Options{FS: n.fs, List: n, Records: n, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// finish runs every job of a runner to its end.
func finish(t testing.TB, r *Runner) {
	t.Helper()
	if err := r.turn(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func status(t testing.TB, r *Runner, id string) Status {
	t.Helper()
	s, err := r.Status("acme", id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (n *node) has(address_, channel string, reason policy.Reason) bool {
	form, err := address.AppendEmail(nil, []byte(address_))
	if channel == "sms" {
		form, err = address.AppendPhone(nil, []byte(address_), "NO")
	}
	if err != nil {
		return false
	}
	for _, k := range address.NewKeyer(secret, "acme", channel).AppendKeys(nil, form, policy.Families(reason)) {
		if !slices.ContainsFunc(n.rows[k], func(r suppression.Row) bool { return r.Reason == reason && r.Source == suppression.ByImport }) {
			return false
		}
	}
	return true
}

func TestImport_EveryRowIsInTheListOrRejected(t *testing.T) {
	n := newNode()
	r := n.open(t)
	id, err := r.Start("acme", Defaults{Format: Heed, Region: "NO"}, strings.NewReader("channel,address,reason,topic\n"+
		"email,Ann+x@gmail.com,unsubscribe_all,\nemail,bob@,complaint,\nsms,900 00 000,sms_stop,\nsms,90,sms_stop,\nemail,carl@example.org,unsubscribe_topic,news\n"))
	if err != nil {
		t.Fatal(err)
	}
	if s := status(t, r, id); s.State != Queued || s.Size == 0 {
		t.Errorf("%+v", s)
	}
	finish(t, r)
	s := status(t, r, id)
	if s.State != Done || s.Added != 3 || s.Rejected != 2 || s.Mark.Offset != s.Size || s.Finished.IsZero() {
		t.Errorf("%+v", s)
	}
	if !maps.Equal(s.Reasons, map[string]uint64{"unsubscribe_all": 1, "sms_stop": 1, "unsubscribe_topic": 1}) || s.Rejects[BadAddress] != 2 {
		t.Errorf("%v, %v", s.Reasons, s.Rejects)
	}
	if keys := address.NewKeyer(secret, "acme", "email").AppendKeys(nil, []byte("a.n.n@gmail.com"), true); len(n.rows[keys[1]]) != 1 {
		t.Error("the row is not found by the rest of the family") // docs/policy.md
	}
	if !n.has("ann+x@gmail.com", "email", policy.UnsubscribeAll) {
		t.Error("the row is not found by its own address")
	}
	if !n.has("+4790000000", "sms", policy.SMSStop) || !n.has("carl@example.org", "email", policy.UnsubscribeTopic) {
		t.Error("rows are missing")
	}
	if files, _ := n.fs.List("imports"); len(files) != 0 {
		t.Errorf("files stay behind: %v", files)
	}
}

func TestImport_RejectsNameTheLineAndNeverTheAddress(t *testing.T) { // P6
	n := newNode()
	r := n.open(t)
	id, err := r.Start("acme", Defaults{Format: SES}, strings.NewReader("ann@exa_mple,BOUNCE\nbob@example.org,WEATHER\n"))
	if err != nil {
		t.Fatal(err)
	}
	finish(t, r)
	file, err := r.Rejects("acme", id)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(file)
	if err != nil || file.Close() != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("{\"line\":1,\"code\":\"address_syntax\",\"detail\":%q}\n{\"line\":2,\"code\":\"reason\",\"detail\":%q}\n", remedies[BadAddress], remedies[BadReason])
	if string(got) != want {
		t.Errorf("%s", got)
	}
	for _, record := range n.records {
		if bytes.Contains(record.Value, []byte("ann@")) || bytes.Contains(record.Value, []byte("exa_mple")) {
			t.Errorf("an address is kept: %s", record.Value)
		}
	}
}

// campaign is a file of many batches with every third line rejected, and its figures.
func campaign(rows int) (file string, added, rejected uint64) {
	var b strings.Builder
	b.WriteString("address\n")
	for i := range rows {
		if i%3 == 2 {
			fmt.Fprintf(&b, "u%d@\n", i)
			rejected++
		} else {
			fmt.Fprintf(&b, "u%d@example.org\n", i)
			added++
		}
	}
	return b.String(), added, rejected
}

// Killed at any write, done or undone, and started anew, an import has every row in the list and every row counted once.
func TestImport_KilledBetweenAnyTwoWritesItGoesOn(t *testing.T) {
	const rows = batchRows + 100
	file, added, rejected := campaign(rows)
	d := Defaults{Format: Heed, Channel: policy.Email, Reason: policy.Complaint}
	for failAt := 1; ; failAt++ {
		for _, takes := range []bool{false, true} {
			n := newNode()
			n.failAt, n.takes = failAt, takes
			r := n.open(t)
			id, err := r.Start("acme", d, strings.NewReader(file))
			accepted := err == nil
			if accepted {
				err = r.turn(t.Context())
			}
			if err == nil {
				return // there were no more writes to fail at
			}
			if !errors.Is(err, errDead) {
				t.Fatal(err)
			}
			n.fs = n.fs.CrashClone(vfs.CrashCloneCfg{}) // what was not synced is gone
			n.failAt = 0
			r = n.open(t)
			finish(t, r)
			if !accepted {
				continue // nobody was promised anything
			}
			s := status(t, r, id)
			if s.State != Done || s.Added != added || s.Rejected != rejected || s.Rejects[BadAddress] != rejected {
				t.Fatalf("killed at write %d (%v): %+v", failAt, takes, s)
			}
			rejects, _ := r.Rejects("acme", id)
			if lines, err := io.ReadAll(rejects); err != nil || uint64(bytes.Count(lines, newline)) != rejected {
				t.Fatalf("killed at write %d (%v): %d lines of rejects, %v", failAt, takes, bytes.Count(lines, newline), err)
			}
			for i := 0; i < rows; i += 3 {
				if !n.has(fmt.Sprintf("u%d@example.org", i), "email", policy.Complaint) {
					t.Fatalf("killed at write %d (%v): row %d is missing", failAt, takes, i)
				}
			}
			if names, _ := n.fs.List("imports"); len(names) != 0 {
				t.Fatalf("killed at write %d (%v): files stay behind: %v", failAt, takes, names)
			}
		}
	}
}

func TestImport_WhatIsRefusedLeavesNothing(t *testing.T) {
	n := newNode()
	r := n.open(t)
	r.o.MaxBytes = 10
	check := func(want error, d Defaults, file io.Reader) {
		t.Helper()
		if id, err := r.Start("acme", d, file); !errors.Is(err, want) || id != "" {
			t.Errorf("%q, %v; want %v", id, err, want)
		}
		if names, _ := n.fs.List("imports"); len(names) != 0 || len(n.records) != 0 {
			t.Errorf("left behind: %v, %d records", names, len(n.records))
		}
	}
	check(ErrFormat, Defaults{Format: "fax"}, strings.NewReader("a@b\n"))
	check(ErrFormat, Defaults{Format: Heed}, strings.NewReader("mail\n"))
	check(ErrTooLarge, Defaults{Format: SES}, strings.NewReader("12345678901"))
	check(io.ErrUnexpectedEOF, Defaults{Format: SES}, io.MultiReader(strings.NewReader("a@b"), errReader{}))
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestImport_AJobIsItsTenants(t *testing.T) {
	n := newNode()
	r := n.open(t)
	var ids []string
	for _, tenant := range []string{"acme", "acme", "acm", "acme2"} {
		id, err := r.Start(tenant, Defaults{Format: SES}, strings.NewReader("ann@example.org,BOUNCE"))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	jobs, err := r.List("acme")
	if err != nil || len(jobs) != 2 {
		t.Fatalf("%+v, %v", jobs, err)
	}
	if _, err := r.Status("acme", ids[2]); err != ErrNotFound {
		t.Errorf("%v", err)
	}
	if _, err := r.Rejects("acme", ids[3]); err != ErrNotFound {
		t.Errorf("%v", err)
	}
}

func TestImport_ALostFileFailsItsJobAlone(t *testing.T) {
	n := newNode()
	r := n.open(t)
	lost, _ := r.Start("acme", Defaults{Format: SES}, strings.NewReader("ann@example.org,BOUNCE"))
	kept, _ := r.Start("acme", Defaults{Format: SES}, strings.NewReader("bob@example.org,BOUNCE"))
	if err := n.fs.Remove(r.path(lost)); err != nil {
		t.Fatal(err)
	}
	finish(t, r)
	if s := status(t, r, lost); s.State != Failed || s.Detail == "" {
		t.Errorf("%+v", s)
	}
	if s := status(t, r, kept); s.State != Done || s.Added != 1 {
		t.Errorf("%+v", s)
	}
}

// A batch the list can never take ends its job, or it would hold up all others for ever.
func TestImport_WhatTheListRefusesForGoodFailsTheJob(t *testing.T) {
	n := newNode()
	r, err := Open("imports", Options{FS: n.fs, List: refusing{}, Records: n, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	id, err := r.Start("acme", Defaults{Format: SES}, strings.NewReader("ann@example.org,BOUNCE"))
	if err != nil {
		t.Fatal(err)
	}
	finish(t, r)
	if s := status(t, r, id); s.State != Failed || s.Added != 0 || s.Detail == "" {
		t.Errorf("%+v", s)
	}
}

type refusing struct{}

func (refusing) Apply(context.Context, ...suppression.Change) (uint64, error) {
	return 0, fmt.Errorf("apply: %w", suppression.ErrChange)
}

func TestRun_WaitsForJobsAndTriesAgainAfterTrouble(t *testing.T) {
	defer goleak.VerifyNone(t)
	synctest.Test(t, func(t *testing.T) {
		n, troubles := newNode(), 0
		r, err := Open("imports", Options{FS: n.fs, List: n, Records: n, Secret: secret, Trouble: func(error) { troubles++ }})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- r.Run(ctx) }()
		synctest.Wait()
		n.Lock()
		n.failAt = n.writes + 2 // after Start's record
		n.Unlock()
		id, err := r.Start("acme", Defaults{Format: SES}, strings.NewReader("ann@example.org,BOUNCE"))
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if s := status(t, r, id); troubles != 1 || s.Added != 0 {
			t.Errorf("%d troubles, %+v", troubles, s)
		}
		n.Lock()
		n.failAt = 0
		n.Unlock()
		time.Sleep(r.o.Pause)
		synctest.Wait()
		if s := status(t, r, id); s.State != Done || s.Added != 1 {
			t.Errorf("%+v", s)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestRun_StopsBetweenBatchesAndGoesOnLater(t *testing.T) {
	n := newNode()
	r := n.open(t)
	file, added, rejected := campaign(3 * batchRows)
	id, err := r.Start("acme", Defaults{Format: Heed, Channel: policy.Email, Reason: policy.Complaint}, strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	batches := 0
	n.applied = func() {
		if batches++; batches == 2 {
			cancel()
		}
	}
	if err := r.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if s := status(t, r, id); s.State != Running || s.Added == 0 || s.Added >= added {
		t.Errorf("%+v", s)
	}
	finish(t, n.open(t))
	if s := status(t, r, id); s.State != Done || s.Added != added || s.Rejected != rejected {
		t.Errorf("%+v", s)
	}
}

func TestImport_AFileOfRubbishKeepsSomeRejectsAndCountsAll(t *testing.T) {
	n := newNode()
	r := n.open(t)
	id, err := r.Start("acme", Defaults{Format: SES}, strings.NewReader("a@b,BOUNCE\n"+strings.Repeat("x\n", maxKept+5)))
	if err != nil {
		t.Fatal(err)
	}
	finish(t, r)
	s := status(t, r, id)
	if s.Rejected != maxKept+5 || s.Kept != maxKept || s.Added != 1 {
		t.Errorf("%+v", s)
	}
	rejects, _ := r.Rejects("acme", id)
	if lines, err := io.ReadAll(rejects); err != nil || bytes.Count(lines, newline) != maxKept {
		t.Errorf("%d lines, %v", bytes.Count(lines, newline), err)
	}
}

// One row may name more topics than the list takes at once, and each address of a mailbox with spellings is two changes.
func TestImport_NeverAsksForMoreThanTheListTakes(t *testing.T) {
	check := func(d Defaults, file string, added uint64) {
		t.Helper()
		n := newNode()
		r := n.open(t)
		id, err := r.Start("acme", d, strings.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		finish(t, r)
		if s := status(t, r, id); s.State != Done || s.Added != added || s.Rejected != 0 {
			t.Errorf("%s: %+v", d.Format, s)
		}
	}
	const topics = suppression.MaxChanges + 1
	check(Defaults{Format: MailgunUnsubscribes}, "address,tags\nann@example.org,\""+strings.Repeat("a,", topics-1)+"a\"\n", topics)
	check(Defaults{Format: Heed, Channel: policy.Email, Reason: policy.Complaint}, "address\n"+strings.Repeat("ann+x@gmail.com\n", batchRows), batchRows)
}

func TestImporter_AllocatesNothingPerRow(t *testing.T) {
	file := "address,reason,at\n" + strings.Repeat("ann+x@gmail.com,unsubscribe_all,2026-01-31T12:00:00Z\n", 10*batchRows)
	i, err := newImporter(&Status{Tenant: "acme", Defaults: Defaults{Format: Heed, Channel: policy.Email}}, strings.NewReader(file), secret)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(5, func() {
		if err := i.batch(); err != nil || len(i.changes) != 2*batchRows {
			t.Fatal(len(i.changes), err)
		}
	}); n > 2 { // of a batch of 16,384
		t.Errorf("%v allocations a batch", n)
	}
}

func TestExport_IsImportedAgain(t *testing.T) {
	n := newNode()
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for i, row := range []suppression.Row{
		{Reason: policy.UnsubscribeTopic, Topic: "a-b/c.d"}, {Reason: policy.Complaint, Class: policy.Transactional},
		{Reason: policy.UnsubscribeAll, AllChannels: true}, {Reason: policy.UnsubscribeTopic}, {Reason: policy.HardBounce},
	} {
		row.At, row.Source, row.Position = at, suppression.ByImport, 0
		n.rows[suppression.Key{byte(i), 1}] = []suppression.Row{row, {Reason: policy.ManualBlock, At: at, Source: suppression.ByImport}}
	}
	for _, shape := range []Shape{CSV, NDJSON} {
		var file bytes.Buffer
		if err := Export(t.Context(), n, &file, shape); err != nil {
			t.Fatal(err)
		}
		other := newNode()
		r := other.open(t)
		id, err := r.Start("acme", Defaults{Format: Heed, Keys: true}, bytes.NewReader(file.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		finish(t, r)
		if s := status(t, r, id); s.Added != 10 || s.Rejected != 0 || !maps.EqualFunc(n.rows, other.rows, slices.Equal[[]suppression.Row]) {
			t.Errorf("%s: %+v\n%v\n%v", shape, s, n.rows, other.rows)
		}
	}
}

func TestExport_PassesOnErrors(t *testing.T) {
	n := newNode()
	for i := range 4000 {
		n.rows[suppression.Key{byte(i), byte(i >> 8)}] = []suppression.Row{{Reason: policy.Complaint}}
	}
	if err := Export(t.Context(), n, brokenWriter{}, NDJSON); !errors.Is(err, os.ErrClosed) {
		t.Errorf("%v", err)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, os.ErrClosed }
