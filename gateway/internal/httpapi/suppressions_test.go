package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"heed/gateway/internal/httpapi/query"
	"heed/suppression/policy"
)

func digestOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

func (w *world) ok(path, body string) map[string]any {
	w.t.Helper()
	got := w.post(path, body)
	var out map[string]any
	if err := json.Unmarshal(got.body, &out); got.status != 200 || err != nil {
		w.t.Fatalf("%s %s: %d %s", path, body, got.status, got.body)
	}
	return out
}

func TestSuppression_AddLookUpRemove(t *testing.T) {
	w := start(t)
	w.ok("/v1/suppressions", `{"channel":"email","address":"Ann@Example.org","reason":"unsubscribe_all"}`)
	seen := w.ok("/v1/suppressions/lookup", `{"channel":"email","address":"ann@example.ORG"}`)
	rows := seen["rows"].([]any)
	if len(rows) != 1 || rows[0].(map[string]any)["reason"] != "unsubscribe_all" || rows[0].(map[string]any)["source"] != "api" {
		t.Fatalf("%v", seen)
	}
	w.ok("/v1/suppressions/remove", `{"channel":"email","address":"ann@example.org","reason":"unsubscribe_all"}`)
	if left := w.ok("/v1/suppressions/lookup", `{"channel":"email","address":"ann@example.org"}`); len(left["rows"].([]any)) != 0 {
		t.Fatalf("%v", left)
	}
}

// What arrives between a look and a removal stays.
func TestRemove_LiftsOnlyWhatWasObserved(t *testing.T) {
	w := start(t)
	add := `{"channel":"email","address":"ann@example.org","reason":"unsubscribe_all"}`
	w.ok("/v1/suppressions", add)
	seen := w.ok("/v1/suppressions/lookup", `{"channel":"email","address":"ann@example.org"}`)["position"]
	w.ok("/v1/suppressions", add) // she says it again
	got := w.ok("/v1/suppressions/remove", fmt.Sprintf(`{"channel":"email","address":"ann@example.org","reason":"unsubscribe_all","observed":%v}`, seen))
	if len(got["rows"].([]any)) != 1 {
		t.Fatalf("a later row was lifted: %v", got)
	}
}

func TestAdd_PersonalReasonsCoverTheFamily(t *testing.T) { // docs/policy.md
	w := start(t)
	w.ok("/v1/suppressions", `{"channel":"email","address":"ann+shop@gmail.com","reason":"unsubscribe_all"}`)
	w.ok("/v1/suppressions", `{"channel":"email","address":"bob+shop@gmail.com","reason":"unsubscribe_topic","topic":"weekly"}`)
	check := func(addr string, want int) {
		t.Helper()
		if rows := w.ok("/v1/suppressions/lookup", `{"channel":"email","address":"`+addr+`"}`)["rows"].([]any); len(rows) != want {
			t.Errorf("%s: %v", addr, rows)
		}
	}
	check("ann+shop@gmail.com", 1)
	check("a.n.n@googlemail.com", 1)
	check("bob+shop@gmail.com", 1)
	check("bob@gmail.com", 0)
	w.ok("/v1/suppressions/remove", `{"channel":"email","address":"ann@gmail.com","reason":"unsubscribe_all"}`)
	check("a.n.n@gmail.com", 0)
}

func TestAdd_SeveralAreAllOrNone(t *testing.T) {
	w := start(t)
	got := w.ok("/v1/suppressions", `{"items":[{"channel":"email","address":"a@example.org","reason":"complaint"},{"channel":"sms","address":"+14155552671","reason":"sms_stop"}]}`)
	if got["count"] != 2.0 || w.list.position != 1 {
		t.Fatalf("%v in %d changes", got, w.list.position)
	}
}

func TestAdd_NoAddressInTheLogOrTheProblem(t *testing.T) { // P6
	w := start(t)
	got := w.post("/v1/suppressions", `{"channel":"email","address":"canary@@example.org","reason":"complaint"}`)
	if strings.Contains(string(got.body), "canary") || strings.Contains(w.log.String(), "canary") {
		t.Fatalf("%s\n%s", got.body, w.log.String())
	}
}

func TestList_PagesOfKeysWithoutAddresses(t *testing.T) {
	w := start(t)
	for i := range 5 {
		w.ok("/v1/suppressions", fmt.Sprintf(`{"channel":"email","address":"r%d@example.org","reason":"complaint"}`, i))
	}
	seen, after := map[string]bool{}, ""
	for {
		var p query.Listing[keyView]
		got := w.get("/v1/suppressions?limit=2" + after)
		if err := json.Unmarshal(got.body, &p); err != nil || strings.Contains(string(got.body), "@") {
			t.Fatalf("%v %s", err, got.body)
		}
		for _, v := range p.Data {
			seen[v.Key] = true
		}
		if !p.More {
			break
		}
		after = "&after=" + p.Next
	}
	if len(seen) != 5 {
		t.Fatalf("%d keys of 5", len(seen))
	}
}

// Rows do not tell their tenant, so where several share the gateway nobody sees the whole list.
func TestList_SharedByTenantsIsShownToNone(t *testing.T) {
	w := start(t, func(o *Options) { o.SoleTenant, o.Transfer = false, &fakeTransfer{} })
	w.ok("/v1/suppressions", `{"channel":"email","address":"ann@example.org","reason":"complaint"}`)
	for _, path := range []string{"/v1/suppressions", "/v1/suppressions?limit=1", "/v1/suppressions/export", "/v1/suppressions/export?format=csv"} {
		got := w.get(path)
		if p := got.problem(t); got.status != 403 || p.Code != "shared_list" || !strings.Contains(p.Detail, "operator") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if got := w.ok("/v1/suppressions/lookup", `{"channel":"email","address":"ann@example.org"}`); len(got["rows"].([]any)) != 1 {
		t.Errorf("a look-up of one's own: %v", got)
	}
}

func TestManualBlock_NeedsANoteThatLookUpsShow(t *testing.T) {
	w := start(t)
	check := func(reason, note, code string) {
		t.Helper()
		raw, _ := json.Marshal(map[string]string{"channel": "email", "address": "ann+x@gmail.com", "reason": reason, "note": note})
		p := w.post("/v1/suppressions", string(raw)).problem(t)
		if p.Status != 422 || p.Code != code || p.Errors[0].Pointer != "/note" {
			t.Errorf("%s %.20q: %+v", reason, note, p)
		}
	}
	check("manual_block", "", "missing")
	check("manual_block", " \u00a0", "missing")
	check("manual_block", "a\nb", "invalid")
	check("manual_block", "a\u0085b", "invalid")
	check("manual_block", strings.Repeat("ø", 251), "invalid")
	check("complaint", "why", "invalid")
	if w.list.position != 0 || len(w.queue.values) != 0 {
		t.Fatal("something of a refused block was kept")
	}
	longest := strings.Repeat("ø", 250)
	w.ok("/v1/suppressions", `{"items":[{"channel":"email","address":"ann+x@gmail.com","reason":"manual_block","note":"`+longest+`"}]}`)
	for _, addr := range []string{"ann+x@gmail.com", "a.n.n@gmail.com"} { // a block covers the family
		rows := w.ok("/v1/suppressions/lookup", `{"channel":"email","address":"`+addr+`"}`)["rows"].([]any)
		if len(rows) != 1 || rows[0].(map[string]any)["note"] != longest {
			t.Errorf("%s: %v", addr, rows)
		}
	}
	if got := w.ok("/v1/suppressions/remove", `{"channel":"email","address":"ann@gmail.com","reason":"manual_block"}`); len(got["rows"].([]any)) != 0 && got["position"] == nil {
		t.Errorf("a removal needs no note: %v", got)
	}
}

// A block without its note must not stand.
func TestManualBlock_IsRefusedIfItsNoteCannotBeKept(t *testing.T) {
	w := start(t)
	w.queue.err = fmt.Errorf("disk gone")
	got := w.post("/v1/suppressions", `{"channel":"email","address":"a@example.org","reason":"manual_block","note":"why"}`)
	if got.status != 503 || w.list.position != 0 {
		t.Fatalf("%d, position %d", got.status, w.list.position)
	}
}

const question = `{"channel":"email","class":"marketing","topic":"weekly"`

func TestCheck_EveryAddressHasItsVerdictInOrder(t *testing.T) {
	w := start(t)
	w.ok("/v1/suppressions", `{"channel":"email","address":"gone@example.org","reason":"unsubscribe_all"}`)
	w.ok("/v1/suppressions", `{"channel":"email","address":"part@example.org","reason":"unsubscribe_topic","topic":"other"}`)
	got := w.post("/v1/suppressions/check", question+`,"addresses":["ann@example.org" , "gone@example.org","n\u006fnsense","part@example.org","\u0067one@example.org"]}`)
	want := `{"results":[{"index":0,"status":"allowed"},{"index":1,"status":"suppressed","code":"unsubscribe_all","action":"block"},` +
		`{"index":2,"status":"invalid","code":"address_syntax"},{"index":3,"status":"allowed"},{"index":4,"status":"suppressed","code":"unsubscribe_all","action":"block"}],` +
		`"allowed":2,"suppressed":2,"invalid":1}`
	if string(got.body) != want {
		t.Fatalf("\n%s\n%s", got.body, want)
	}
	if got := w.post("/v1/suppressions/check", `{"channel":"email","class":"mandatory","addresses":["gone@example.org"]}`); !strings.Contains(string(got.body), "allowed") {
		t.Fatalf("a mandatory notice: %s", got.body) // P4
	}
	if got := w.post("/v1/suppressions/check", question+`,"addresses":[ ]}`); string(got.body) != `{"results":[],"allowed":0,"suppressed":0,"invalid":0}` {
		t.Fatalf("nobody: %s", got.body)
	}
}

func TestCheck_NDJSONHasNoLimitAndAsksInLots(t *testing.T) {
	w := start(t)
	w.ok("/v1/suppressions", `{"channel":"email","address":"r777@example.org","reason":"complaint"}`)
	var b strings.Builder
	b.WriteString(question + "}\n")
	const n = 30_000
	for i := range n {
		if i%2 == 0 {
			fmt.Fprintf(&b, "\"r%d@example.org\"\n", i)
		} else {
			fmt.Fprintf(&b, "{\"address\":\"r%d@example.org\"}\r\n", i)
		}
	}
	got := w.do("POST", "/v1/suppressions/check", "all", typeNDJSON, b.String())
	lines := strings.Split(strings.TrimSpace(string(got.body)), "\n")
	if len(lines) != n || lines[777] != `{"index":777,"status":"suppressed","code":"complaint","action":"block"}` || lines[n-1] != fmt.Sprintf(`{"index":%d,"status":"allowed"}`, n-1) {
		t.Fatalf("%d lines, 777th %s, last %s", len(lines), lines[777], lines[len(lines)-1])
	}
	if w.list.checks > n/100 {
		t.Errorf("%d look-ups for %d addresses", w.list.checks, n)
	}
}

// A fault after the answer began is told in its last line, and the missing end tells that it is not whole.
func TestCheck_AFaultInAStreamCutsTheAnswerOff(t *testing.T) {
	w := start(t)
	body := question + "}\n\"a@example.org\"\nnonsense\n\"b@example.org\"\n"
	next := "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	c := w.dial()
	fmt.Fprintf(c, "POST /v1/suppressions/check HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer all\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n%s%s", len(body), body, next)
	raw, err := io.ReadAll(c)
	text := string(raw)
	if err != nil || !strings.Contains(text, `{"error":{"code":"syntax","line":3`) || strings.Contains(text, "0\r\n\r\n") || strings.Count(text, "HTTP/1.1 ") != 1 {
		t.Fatalf("%v %s", err, text)
	}
}

func TestCheck_FailsClosed(t *testing.T) { // P5
	w := start(t)
	w.list.err = fmt.Errorf("gone")
	got := w.post("/v1/suppressions/check", question+`,"addresses":["a@example.org"]}`)
	if got.status != 503 || strings.Contains(string(got.body), "allowed") {
		t.Fatalf("%d %s", got.status, got.body)
	}
}

func TestReadRow_TopicMattersWithTopicRowsOnly(t *testing.T) {
	row, bad := readRow(suppressionBody{addressBody{Channel: "email"}, "unsubscribe_all", "weekly"})
	if bad != nil || row.Topic != "" || row.Reason != policy.UnsubscribeAll {
		t.Fatalf("%+v %+v", row, bad)
	}
}
