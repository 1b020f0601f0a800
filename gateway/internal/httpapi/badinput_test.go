package httpapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"heed/gateway/internal/optout/page"

	"github.com/klauspost/compress/zstd"
)

// Bad input: each is a 4xx problem that says where, and nothing reaches the parts behind.
func TestBadInput_SmallBodies(t *testing.T) {
	w := start(t)
	check := func(path, body string, status int, code, pointer string) {
		t.Helper()
		got := w.post(path, body)
		p := got.problem(t)
		if got.status != status || p.Code != code {
			t.Errorf("%.60q: %d %s", body, got.status, got.body)
			return
		}
		if len(p.Errors) == 0 || p.Errors[0].Pointer != pointer || p.Errors[0].Detail == "" {
			t.Errorf("%.60q: errors %+v, want pointer %q", body, p.Errors, pointer)
		}
	}
	const s = "/v1/suppressions"
	check(s, ``, 422, "syntax", "")
	check(s, `{`, 422, "syntax", "")
	check(s, `{"channel":"email"`, 422, "syntax", "")
	check(s, `{"channel":"email"}{}`, 422, "syntax", "")
	check(s, "\xef\xbb\xbf{}", 422, "syntax", "")
	check(s, `{"channel":email}`, 422, "syntax", "/channel")
	check(s, `{"channel":"email","address":"`+"\xff"+`"}`, 422, "invalid_utf8", "")
	check(s, `{"channel":"email","address":"\ud800"}`, 422, "syntax", "/address")
	check(s, `{"channel":"email","channel":"sms"}`, 422, "duplicate_key", "/channel")
	check(s, `{"chanel":"email"}`, 422, "unknown_key", "/chanel")
	check(s, `{"Channel":"email"}`, 422, "unknown_key", "/Channel")
	check(s, `{"channel":7}`, 422, "wrong_type", "/channel")
	check(s, `[]`, 422, "wrong_type", "")
	check(s, `{"items":{}}`, 422, "wrong_type", "/items")
	check(s, `{"items":[7]}`, 422, "wrong_type", "/items/0")
	check(s, `{"items":[]}`, 422, "too_many", "/items")
	check(s, `{"items":[`+strings.Repeat(`{},`, 1000)+`{}]}`, 422, "too_many", "/items")
	check(s, strings.Repeat(`[`, 100_000), 422, "too_deep", "")
	check(s, strings.Repeat(`{"a":`, 100)+`1`, 422, "too_deep", "")
	check(s, `{"channel":"fax","address":"a@example.org","reason":"complaint"}`, 422, "invalid", "/channel")
	check(s, `{"channel":"email","address":"nobody","reason":"complaint"}`, 422, "invalid", "/address")
	check(s, `{"channel":"email","address":"a@example.org\r\nBcc: b@example.org","reason":"complaint"}`, 422, "invalid", "/address")
	check(s, `{"channel":"email","address":"a\u0000@example.org","reason":"complaint"}`, 422, "invalid", "/address")
	check(s, `{"channel":"email","address":"a@example.org","reason":"boredom"}`, 422, "invalid", "/reason")
	check(s, `{"channel":"email","address":"a@example.org","reason":"quiet_hours"}`, 422, "invalid", "/reason")
	check(s, `{"channel":"email","address":"a@example.org","reason":"unsubscribe_topic"}`, 422, "invalid", "/topic")
	check(s, `{"channel":"email","address":"a@example.org","reason":"unsubscribe_topic","topic":"a\nb"}`, 422, "invalid", "/topic")
	for _, topic := range []string{"Weekly", "news/", " weekly ", "weekly\u200b", "a//b", strings.Repeat("a", 65)} { // none could ever match
		check(s, `{"channel":"email","address":"a@example.org","reason":"unsubscribe_topic","topic":"`+topic+`"}`, 422, "invalid", "/topic")
	}
	check(s, `{"ann@example.org":1}`, 422, "unknown_key", "")
	check("/v1/batches", `nope`, 422, "syntax", "")
	check(s, `nope`, 422, "syntax", "")
	check(s, `{"items":[{"channel":"email","address":"a@example.org","reason":"complaint"},{"channel":"email","address":"b","reason":"complaint"}]}`, 422, "invalid", "/items/1/address")
	check(s+"/remove", `{"channel":"email","address":"a@example.org","reason":"complaint","observed":1e400}`, 422, "wrong_type", "/observed")
	check(s+"/remove", `{"channel":"email","address":"a@example.org","reason":"complaint","observed":99999999999999999999999}`, 422, "wrong_type", "/observed")
	check(s+"/remove", `{"channel":"email","address":"a@example.org","reason":"complaint","observed":-1}`, 422, "wrong_type", "/observed")
	check(s+"/remove", `{"channel":"email","address":"a@example.org","reason":"complaint","observed":7}`, 422, "invalid", "/observed")
	check(s+"/check", `{"channel":"email","class":"spam","addresses":[]}`, 422, "invalid", "/class")
	check(s+"/check", `{"channel":"email","addresses":"a"}`, 422, "wrong_type", "/addresses")
	check(s+"/check", `{"channel":"email","addresses":["a@example.org",7]}`, 422, "wrong_type", "/addresses/1")
	check(s+"/check", `{"channel":"email","addresses":[`+strings.Repeat(`"",`, 10_000)+`""]}`, 422, "too_many", "/addresses")
	check("/v1/batches", `{"channel":"email","recipients":[{"to":"a@example.org","too":"b"}]}`, 422, "unknown_key", "/recipients/0/too")
	check("/v1/batches", `{"channel":"email","recipients":[{"to":7}]}`, 422, "wrong_type", "/recipients/0/to")
	check("/v1/messages", `{"channel":"email","channel":"sms"}`, 422, "duplicate_key", "/channel")
	check("/v1/topics", `{"id":"a\r\nb","name":"x"}`, 422, "invalid", "/id")
	if w.list.position != 0 || len(w.intake.addresses()) != 0 {
		t.Fatal("something of the bad input was kept")
	}
}

func TestBadInput_NDJSONNamesTheLine(t *testing.T) {
	w := start(t)
	check := func(body, code string, line int) {
		t.Helper()
		got := w.do("POST", "/v1/batches", "all", typeNDJSON, body)
		p := got.problem(t)
		if got.status != 422 || p.Code != code || line > 0 && p.Errors[0].Line != line {
			t.Errorf("%.60q: %s", body, got.body)
		}
	}
	head, line := `{"channel":"email"}`+"\n", `{"to":"a@example.org"}`+"\n"
	check("", "missing", 0)
	check("\n\r\n \n", "missing", 0)
	check("hello", "syntax", 1)
	check(head+line+"\n"+line+"{\n"+line, "syntax", 5)
	check(head+line+`{"to":"a@example.org","to":"b@example.org"}`, "duplicate_key", 3)
	check(head+strings.Repeat(line, 20_000)+`{"two":1}`, "unknown_key", 20_002)
	check(head+`{"to":"`+strings.Repeat("a", batchBlock)+`"}`, "too_long", 2)
	if w.intake.commits != 0 {
		t.Fatal("a refused stream was committed")
	}
	if w.intake.aborts == 0 {
		t.Fatal("a refused stream was not given up")
	}
}

func TestBadInput_QueryAndHeaders(t *testing.T) {
	w := start(t)
	check := func(query, header, parameter string) {
		t.Helper()
		got := w.do("POST", "/v1/batches"+query, "all", typeJSON, oneRecipient, header)
		if p := got.problem(t); got.status != 400 || p.Code != "invalid_parameter" || len(p.Errors) == 1 && p.Errors[0].Parameter != parameter {
			t.Errorf("%s: %s", query, got.body)
		}
	}
	check("?dryrun=1", "X-A: b", "") // a slip must not send
	check("?dry_run=yes", "X-A: b", "dry_run")
	check("?dry_run=1&dry_run=0", "X-A: b", "dry_run")
	check("?validation=strickt", "X-A: b", "validation")
	check("?results=some", "X-A: b", "results")
	check("?dry_run=%zz", "X-A: b", "")
	check("", "Idempotency-Key: "+strings.Repeat("k", 256), "Idempotency-Key")
	if len(w.intake.addresses()) != 0 {
		t.Fatal("a call with a bad parameter was taken")
	}
	for path, status := range map[string]int{
		"/v1/batches/bat_nope": 404, "/v1/batches/..%2f": 404, "/v1/messages/msg_x-0": 404, "//v1/batches/x": 404,
		"/v1/batches/" + batchID.String() + "/recipients?limit=0":    400,
		"/v1/batches/" + batchID.String() + "/recipients?limit=1001": 400,
		"/v1/batches/" + batchID.String() + "/recipients?state=lost": 400,
		"/v1/batches/" + batchID.String() + "/recipients?after=x":    400,
		"/v1/suppressions?after=zz":                                  400,
		"/v1/templates/outage?version=0":                             400,
		"/v1/suppressions/imports":                                   404,
		"/v1/topics/none":                                            404,
	} {
		if got := w.get(path); got.status != status {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

func TestBadInput_TypesAndMethods(t *testing.T) {
	w := start(t)
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/json; charset", "json"} {
		if got := w.do("POST", "/v1/batches", "all", kind, oneRecipient); got.status != 415 {
			t.Errorf("%q: %d", kind, got.status)
		}
	}
	if got := w.do("POST", "/v1/batches", "all", "Application/JSON; Charset=UTF-8", oneRecipient); got.status != 202 {
		t.Errorf("a type in other case: %d %s", got.status, got.body)
	}
	got := w.do("DELETE", "/v1/suppressions", "all", "", "")
	if got.status != 405 || got.header.Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("%d, Allow %q", got.status, got.header.Get("Allow"))
	}
	if got := w.do("OPTIONS", "/u/token", "", "", ""); got.status != 405 {
		t.Errorf("OPTIONS: %d", got.status)
	}
}

func squeeze(t *testing.T, kind string, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var z io.WriteCloser = gzip.NewWriter(&b)
	if kind == "zstd" {
		var err error
		if z, err = zstd.NewWriter(&b); err != nil {
			t.Fatal(err)
		}
	}
	z.Write(plain)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCompressed_BodiesAreTakenAsIfPlain(t *testing.T) {
	w := start(t)
	lines := `{"channel":"email"}` + "\n" + strings.Repeat(`{"to":"a@example.org"}`+"\n", 1000)
	for _, kind := range []string{"gzip", "zstd"} {
		if got := w.do("POST", "/v1/batches", "all", typeJSON, string(squeeze(t, kind, []byte(oneRecipient))), "Content-Encoding: "+kind); got.status != 202 {
			t.Errorf("%s: %s", kind, got.body)
		}
		if got := w.do("POST", "/v1/batches", "all", typeNDJSON, string(squeeze(t, kind, []byte(lines))), "Content-Encoding: "+kind); got.status != 202 {
			t.Errorf("%s, NDJSON: %s", kind, got.body)
		}
	}
	if n := len(w.intake.addresses()); n != 2002 {
		t.Fatalf("%d recipients", n)
	}
}

func TestCompressed_BombsAndDamageAreRefused(t *testing.T) {
	w := start(t)
	zeros := bytes.Repeat([]byte(" "), 8<<20)
	for _, kind := range []string{"gzip", "zstd"} {
		bomb := squeeze(t, kind, zeros)
		check := func(contentType string, body []byte, code string) {
			t.Helper()
			got := w.do("POST", "/v1/batches", "all", contentType, string(body), "Content-Encoding: "+kind)
			if p := got.problem(t); p.Code != code || got.status >= 500 {
				t.Errorf("%s: %s, want %s", kind, got.body, code)
			}
		}
		check(typeJSON, bomb, "compression_ratio")
		check(typeNDJSON, bomb, "compression_ratio")
		good := squeeze(t, kind, []byte(oneRecipient))
		check(typeJSON, good[:len(good)-3], "bad_encoding")
		check(typeJSON, []byte(oneRecipient), "bad_encoding")
		damaged := append([]byte(nil), good...)
		damaged[len(damaged)/2] ^= 0x55
		check(typeJSON, damaged, "bad_encoding")
	}
	if got := w.do("POST", "/v1/batches", "all", typeJSON, oneRecipient, "Content-Encoding: br"); got.status != 415 {
		t.Errorf("br: %d", got.status)
	}
	if len(w.intake.addresses()) != 0 {
		t.Fatal("a bomb was taken")
	}
}

func TestOversize_IsRefusedBeforeItIsSent(t *testing.T) {
	w := start(t, func(o *Options) {
		o.BatchBytes = 100_000
		o.Page = func(context.Context, page.Request) page.Response { return page.Response{Status: 200} }
	})
	for name, head := range map[string]string{
		"announced": "POST /v1/batches HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer all\r\nContent-Type: application/json\r\nContent-Length: 999999999\r\n\r\n" + strings.Repeat(" ", 8<<10),
		"public":    "POST /undo HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n" + strings.Repeat(" ", 8<<10),
	} {
		c := w.dial()
		io.WriteString(c, head)
		got := w.readAll(c) // the answer comes though the body does not
		if len(got) != 1 || got[0].status != 413 || !got[0].closed {
			t.Errorf("%s: %+v", name, got)
		}
	}
	body := strings.Repeat(" ", 200_000)
	got := w.raw(fmt.Sprintf("POST /v1/batches HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer all\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body))
	if len(got) != 1 || got[0].problem(t).Code != "body_too_large" {
		t.Errorf("unannounced: %+v", got)
	}
}
