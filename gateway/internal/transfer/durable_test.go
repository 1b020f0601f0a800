package transfer

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"heed/gateway/internal/queue"
	"heed/suppression"
	"heed/suppression/address"
	"heed/suppression/policy"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// machine is a real list, a real store and the imports on one file system.
type machine struct {
	list   *suppression.List
	queue  *queue.Queue
	runner *Runner
}

// boot starts a machine. Between the list's write and the checkpoint, each time, it calls cut.
func boot(t *testing.T, fs vfs.FS, cut func()) *machine {
	t.Helper()
	l, err := suppression.Open("list", suppression.Options{FS: fs, Secret: secret, Capacity: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	q, err := queue.Open("queue", queue.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open("imports", Options{FS: fs, List: cutting{l, cut}, Records: q, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	return &machine{l, q, r}
}

func (m *machine) close(t *testing.T) {
	t.Helper()
	if err := m.list.Close(); err != nil {
		t.Error(err)
	}
	if err := m.queue.Close(); err != nil {
		t.Error(err)
	}
}

type cutting struct {
	*suppression.List
	cut func()
}

func (c cutting) Apply(ctx context.Context, changes ...suppression.Change) (uint64, error) {
	position, err := c.List.Apply(ctx, changes...)
	c.cut()
	return position, err
}

// The power fails between a batch and its checkpoint, with none, half or all of what was not synced on the disk: the job goes on,
// every row is in the list and counted once.
func TestImport_OnRealStoresSurvivesAPowerCut(t *testing.T) { // P1 for imported rows
	file, added, rejected := campaign(batchRows + 10)
	for _, unsynced := range []int{0, 50, 100} {
		fs := vfs.NewCrashableMem()
		var disks []*vfs.MemFS
		m := boot(t, fs, func() {
			disks = append(disks, fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced, RNG: rand.New(rand.NewPCG(1, 2))}))
		})
		id, err := m.runner.Start("acme", Defaults{Format: Heed, Channel: policy.Email, Reason: policy.UnsubscribeAll}, strings.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		finish(t, m.runner)
		m.close(t)
		if len(disks) != 2 {
			t.Fatalf("%d batches", len(disks))
		}
		for _, disk := range disks {
			m := boot(t, disk, func() {})
			finish(t, m.runner)
			if s := status(t, m.runner, id); s.State != Done || s.Added != added || s.Rejected != rejected {
				t.Errorf("%d %% unsynced: %+v", unsynced, s)
			}
			checkCampaign(t, m.list, batchRows+10)
			m.close(t)
		}
	}
}

// checkCampaign looks every row of a campaign up.
func checkCampaign(t *testing.T, l *suppression.List, rows int) {
	t.Helper()
	keyer := address.NewKeyer(secret, "acme", "email")
	for i := range rows {
		found, err := l.Rows(nil, keyer.Key(fmt.Appendf(nil, "u%d@example.org", i)))
		if want := i%3 != 2; err != nil || (len(found) == 1) != want {
			t.Fatalf("row %d: %+v, %v", i, found, err)
		}
	}
}

func TestExport_OfARealListComesBack(t *testing.T) {
	a, b := boot(t, vfs.NewMem(), func() {}), boot(t, vfs.NewMem(), func() {})
	defer a.close(t)
	defer b.close(t)
	file, _, _ := campaign(3000)
	if _, err := a.runner.Start("acme", Defaults{Format: Heed, Channel: policy.Email, Reason: policy.UnsubscribeTopic, Topic: "news/u"}, strings.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	finish(t, a.runner)
	var out bytes.Buffer
	if err := Export(t.Context(), a.list, &out, NDJSON); err != nil {
		t.Fatal(err)
	}
	if _, err := b.runner.Start("acme", Defaults{Format: Heed, Keys: true}, &out); err != nil {
		t.Fatal(err)
	}
	finish(t, b.runner)
	if rows := scan(t, a.list); len(rows) != 2000 || !slices.Equal(rows, scan(t, b.list)) {
		t.Errorf("%d rows went out, %d came back", len(rows), len(scan(t, b.list)))
	}
}

// scan is every row of a list but its position, as text.
func scan(t *testing.T, l *suppression.List) (all []string) {
	t.Helper()
	err := l.Scan(t.Context(), suppression.Key{}, func(k suppression.Key, rows []suppression.Row) bool {
		for _, r := range rows {
			r.Position = 0
			all = append(all, fmt.Sprintf("%x %+v", k, r))
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRejects_OfARealStoreAreReadChunkByChunk(t *testing.T) {
	m := boot(t, vfs.NewMem(), func() {})
	defer m.close(t)
	file, _, rejected := campaign(3 * batchRows)
	id, err := m.runner.Start("acme", Defaults{Format: Heed, Channel: policy.Email, Reason: policy.Complaint}, strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	finish(t, m.runner)
	rejects, err := m.runner.Rejects("acme", id)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(rejects)
	if err != nil || uint64(bytes.Count(got, newline)) != rejected || !bytes.HasPrefix(got, []byte(`{"line":4,`)) {
		t.Errorf("%d lines, want %d: %v, %.60s", bytes.Count(got, newline), rejected, err, got)
	}
}
