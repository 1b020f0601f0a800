package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/catalog"
	"heed/gateway/internal/intake"
	"heed/gateway/internal/queue"
	"heed/suppression"
	"heed/suppression/address"
	"heed/suppression/policy"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// gateway is the server on the real intake, queue and list, whose disk outlives a restart.
type gateway struct {
	*world
	disk   *vfs.MemFS
	queue  *queue.Queue
	list   *suppression.List
	serial byte
}

func startGateway(t *testing.T) *gateway {
	g := &gateway{disk: vfs.NewMem()}
	g.open(t)
	t.Cleanup(func() { g.close() })
	return g
}

func (g *gateway) open(t *testing.T) {
	t.Helper()
	secret := []byte(strings.Repeat("s", address.MinSecret))
	clock := func() time.Time { return noon }
	var err error
	if g.queue, err = queue.Open("queue", queue.Options{FS: g.disk, Now: clock}); err != nil {
		t.Fatal(err)
	}
	if g.list, err = suppression.Open("list", suppression.Options{FS: g.disk, Secret: secret, Capacity: 1000}); err != nil {
		t.Fatal(err)
	}
	topics := catalog.New(g.queue, clock)
	g.world = start(t, func(o *Options) {
		o.Queue, o.List, o.Catalog = g.queue, g.list, topics
		o.Intake = FromIntake(intake.New(intake.Options{
			List: g.list, Policy: policy.Default(), Queue: g.queue, Catalog: topics, Keyers: o.Keyers, AutoTopics: true, Now: clock,
			From:   func(string, policy.Channel) string { return "news@example.com" },
			Random: func() (r [10]byte) { g.serial++; r[9] = g.serial; return r },
		}))
	})
}

func (g *gateway) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for name, err := range map[string]error{"server": g.server.Shutdown(ctx), "queue": g.queue.Close(), "list": g.list.Close()} {
		if err != nil {
			g.t.Errorf("close the %s: %v", name, err)
		}
	}
}

// held is how many recipients wait in the queue.
func (g *gateway) held() (n uint64) {
	for _, counts := range g.queue.Depth() {
		n += counts[queue.Queued]
	}
	return n
}

// sending is one way to hand the same recipients in.
type sending struct{ path, kind, coding, plain string }

func (s sending) String() string { return s.path + " " + s.kind + " " + s.coding }

func (g *gateway) send(s sending, query string, headers ...string) reply {
	g.t.Helper()
	body := s.plain
	if s.coding != "" {
		body = string(squeeze(g.t, s.coding, []byte(s.plain)))
		headers = append(headers, "Content-Encoding: "+s.coding)
	}
	if s.kind == typeNDJSON {
		headers = append(headers, "Content-Digest: "+digestOf(body))
	}
	return g.do("POST", s.path+query, "all", s.kind, body, headers...)
}

const shared = `"channel":"email","class":"marketing","topic":"weekly","subject":"Hi","text":"Hi {{unsubscribe_url}}"`

// addresses are 3 to send to, one that left, one that is none, and one twice.
var addresses = []string{"ann@example.org", "bob@example.org", "eve@example.org", "gone@example.org", "nobody", "ann@example.org"}

// sendings are the two routes in every form and coding.
func sendings() (all []sending) {
	var array []string
	for _, to := range addresses {
		array = append(array, fmt.Sprintf(`{"to":%q}`, to))
	}
	lines := append([]string{"{" + shared + "}"}, array...)
	for _, coding := range []string{"", "gzip", "zstd"} {
		all = append(all,
			sending{"/v1/batches", typeJSON, coding, "{" + shared + `,"recipients":[` + strings.Join(array, ",") + "]}"},
			sending{"/v1/batches", typeNDJSON, coding, strings.Join(lines, "\n")},
			sending{"/v1/messages", typeJSON, coding, "{" + shared + `,"to":"ann@example.org"}`})
	}
	return all
}

// told is what an answer says; of both routes.
type told struct {
	ID         string `json:"id"`
	BatchID    string `json:"batch_id"`
	Status     string `json:"status"`
	Accepted   uint64 `json:"accepted"`
	Suppressed uint64 `json:"suppressed"`
	Invalid    uint64 `json:"invalid"`
	Duplicate  uint64 `json:"duplicate"`
}

func (g *gateway) told(s sending, r reply, status int) (a told) {
	g.t.Helper()
	if err := json.Unmarshal(r.body, &a); err != nil || r.status != status {
		g.t.Fatalf("%v: %d %s, %v", s, r.status, r.body, err)
	}
	if s.path == "/v1/messages" { // a batch of one
		a.ID, a.Accepted = a.BatchID, map[string]uint64{"accepted": 1}[a.Status]
	}
	return a
}

// checkHeld holds an answer against the queue.
func (g *gateway) checkHeld(s sending, a told) {
	g.t.Helper()
	id, err := batch.ParseID(a.ID)
	if err != nil {
		g.t.Fatalf("%v: %v", s, err)
	}
	info, err := g.queue.Batch(id)
	want := queue.Counts{queue.Queued: a.Accepted, queue.Suppressed: a.Suppressed, queue.Invalid: a.Invalid, queue.Duplicate: a.Duplicate}
	if err != nil || info.Counts != want {
		g.t.Errorf("%v: told %+v, the queue holds %v, %v", s, a, info.Counts, err)
	}
	list, _, more, err := g.queue.Recipients(id, queue.Queued, 0, 100)
	if err != nil || more || uint64(len(list)) != a.Accepted {
		g.t.Errorf("%v: told %d accepted, %d can be read, %v", s, a.Accepted, len(list), err)
	}
}

// What is told is what the queue holds, in every form of a call; a dry run and a strict refusal hold nothing; and a repetition after a
// restart gets the recorded answer and sends nothing twice.
func TestStores_AnswersAreWhatTheQueueHolds(t *testing.T) {
	g := startGateway(t)
	g.ok("/v1/suppressions", `{"channel":"email","address":"gone@example.org","reason":"unsubscribe_all"}`)
	answers := map[sending]string{}
	for i, s := range sendings() {
		key := fmt.Sprintf("Idempotency-Key: k%d", i)
		before := g.held()
		dry := g.told(s, g.send(s, "?dry_run=1", key), 200)
		if s.path == "/v1/batches" {
			if got := g.send(s, "?validation=strict", key); got.status != 422 || got.problem(t).Code != "invalid_recipients" {
				t.Errorf("%v, strict: %d %s", s, got.status, got.body)
			}
		}
		if g.held() != before {
			t.Errorf("%v: a dry run or a refused call was queued", s)
		}
		first := g.send(s, "", key)
		a := g.told(s, first, 202)
		if first.header.Get("Idempotent-Replayed") != "" || g.held() != before+a.Accepted || a.Accepted != map[string]uint64{"/v1/batches": 3, "/v1/messages": 1}[s.path] {
			t.Errorf("%v: %s, %d more are held", s, first.body, g.held()-before)
		}
		if dry.Accepted != a.Accepted || dry.Suppressed != a.Suppressed || dry.Invalid != a.Invalid || dry.Duplicate != a.Duplicate {
			t.Errorf("%v: the dry run foretold %+v, it became %+v", s, dry, a)
		}
		g.checkHeld(s, a)
		answers[s] = string(first.body)
	}
	held := g.held()
	g.close()
	g.open(t)
	for i, s := range sendings() {
		again := g.send(s, "", fmt.Sprintf("Idempotency-Key: k%d", i))
		if again.status != 202 || again.header.Get("Idempotent-Replayed") != "true" || string(again.body) != answers[s] {
			t.Errorf("%v, again: %d %s, first %s", s, again.status, again.body, answers[s])
		}
		g.checkHeld(s, g.told(s, again, 202))
	}
	if g.held() != held {
		t.Errorf("%d recipients are held after the repetitions, %d before", g.held(), held)
	}
}

// A strict call whose recipients are all valid is taken as a whole.
func TestStores_StrictTakesTheValid(t *testing.T) {
	g := startGateway(t)
	s := sending{"/v1/batches", typeNDJSON, "zstd", "{" + shared + "}\n" + `{"to":"ann@example.org"}` + "\n" + `{"to":"bob@example.org"}`}
	a := g.told(s, g.send(s, "?validation=strict"), 202)
	if a.Accepted != 2 {
		t.Fatalf("%+v", a)
	}
	g.checkHeld(s, a)
}

// A note is on the disk with its block.
func TestStores_ABlockAndItsNoteOutliveARestart(t *testing.T) {
	g := startGateway(t)
	g.ok("/v1/suppressions", `{"channel":"email","address":"ann@example.org","reason":"manual_block","note":"asked by phone"}`)
	g.close()
	g.open(t)
	rows := g.ok("/v1/suppressions/lookup", `{"channel":"email","address":"ann@example.org"}`)["rows"].([]any)
	if len(rows) != 1 || rows[0].(map[string]any)["note"] != "asked by phone" {
		t.Fatalf("%v", rows)
	}
	s := sending{"/v1/batches", typeJSON, "", "{" + shared + `,"recipients":[{"to":"ann@example.org"}]}`}
	if a := g.told(s, g.send(s, ""), 202); a.Suppressed != 1 || g.held() != 0 {
		t.Fatalf("%+v, %d held", a, g.held())
	}
}

// "Why was this not sent?" is answered for what was decided before the queue, too.
func TestViews_TellWhyOfWhatAcceptanceDecided(t *testing.T) {
	w := start(t)
	list := string(w.get("/v1/batches/" + batchID.String() + "/recipients").body)
	for index, code := range acceptedAs {
		got := string(w.get("/v1/messages/" + batch.MessageID(batchID, uint32(index))).body)
		if code == "" {
			if strings.Contains(got, intake.Explain("rerouted")) {
				t.Errorf("a plain message has a reason: %s", got)
			}
			continue
		}
		want := fmt.Sprintf(`"code":%q,"detail":%q`, code, intake.Explain(code))
		if strings.Count(got, want) != 2 || !strings.Contains(list, want) {
			t.Errorf("%s: lacks %s\n%s\n%s", code, want, got, list)
		}
	}
}

// The welcome names a page that is there, and a bad topic of a batch is told in words without inner names.
func TestTexts_LeadSomewhere(t *testing.T) {
	w := start(t)
	_, rest, _ := strings.Cut(string(w.get("/").body), "https://heed.example/problems/")
	if got := w.get("/problems/" + strings.TrimSpace(rest)); got.status != 200 {
		t.Errorf("GET / points to %q: %d", rest, got.status)
	}
	if got := string(w.post("/v1/topics", `{"id":"Weekly News","name":"x"}`).body); strings.Contains(got, "catalog") || !strings.Contains(got, "use 1 to 64") {
		t.Error(got)
	}
	list := "/v1/batches/" + batchID.String() + "/recipients"
	if got := string(w.get(list + "?state=lost").body); !strings.Contains(got, "queued, retrying") || strings.Contains(got, "lost") {
		t.Error(got)
	}
	if got := string(w.get(list + "?ann%40example.org=1").body); strings.Contains(got, "example.org") {
		t.Error(got)
	}
}
