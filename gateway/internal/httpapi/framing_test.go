package httpapi

import (
	"fmt"
	"strings"
	"testing"
)

const oneRecipient = `{"channel":"email","recipients":[{"to":"ann@example.org"}]}`

// RFC 9112 §11.2: a request buried in a body that was not read must never be executed.
func TestSmuggling_AnUnreadBodyIsNeverTheNextRequest(t *testing.T) {
	buried := "POST /v1/messages HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer all\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
	filler := strings.Repeat("x", 20<<10)
	chunk := func(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }
	for name, request := range map[string]string{
		"no key, long body":       "POST /v1/batches HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n",
		"wrong type, long body":   "POST /v1/batches HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer all\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n",
		"bad query, long body":    "POST /v1/batches?dryrun=1 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer all\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
		"not found, long body":    "POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n",
		"bad coding, long body":   "POST /v1/batches HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer all\r\nContent-Type: application/json\r\nContent-Encoding: br\r\nContent-Length: %d\r\n\r\n",
		"bad NDJSON, long body":   "POST /v1/batches HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer all\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n",
		"a body on a GET":         "GET /openapi.yaml HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n",
		"too large for the route": "POST /undo HTTP/1.1\r\nHost: h\r\nContent-Length: 9%d\r\n\r\n",
	} {
		w := start(t)
		body := filler + "\n" + buried
		if got := w.raw(fmt.Sprintf(request, len(body)) + body); len(got) != 1 {
			t.Errorf("%s: %d answers, %+v", name, len(got), got)
		}
		chunked := strings.Replace(strings.Replace(request, "Content-Length: 9%d", "Transfer-Encoding: chunked", 1), "Content-Length: %d", "Transfer-Encoding: chunked", 1)
		if got := w.raw(chunked + chunk(filler) + chunk("\n"+buried) + "0\r\n\r\n"); len(got) != 1 {
			t.Errorf("%s, in chunks: %d answers, %+v", name, len(got), got)
		}
		if calls := w.intake.addresses(); len(calls) != 0 {
			t.Errorf("%s: the buried request was executed", name)
		}
	}
}

// A small body that is at hand already does not cost the client its connection.
func TestKeepAlive_SurvivesARefusalOfASmallBody(t *testing.T) {
	w := start(t)
	refused := "POST /v1/batches HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
	if got := w.raw(refused + refused); len(got) != 2 || got[0].status != 401 || got[1].status != 401 {
		t.Fatalf("%d answers: %+v", len(got), got)
	}
}

func TestFraming_AmbiguousRequestsAre400AndTheEndOfTheConnection(t *testing.T) { // RFC 9112 §6.1, §6.3
	w := start(t)
	next := "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	for name, head := range map[string]string{
		"length and chunks":         "POST /v1/batches HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"chunks and length":         "POST /v1/batches HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
		"two lengths":               "POST /v1/batches HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
		"identity":                  "POST /v1/batches HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello",
		"gzip, chunked":             "POST /v1/batches HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"negative length":           "POST /v1/batches HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\nhello",
		"two hosts":                 "GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n",
		"no host":                   "GET / HTTP/1.1\r\n\r\n",
		"two keys":                  "GET / HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer all\r\nauthorization: Bearer other\r\n\r\n",
		"two types":                 "GET / HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\ncontent-type: text/plain\r\n\r\n",
		"two idempotency keys":      "GET / HTTP/1.1\r\nHost: h\r\nIdempotency-Key: a\r\nIdempotency-Key: a\r\n\r\n",
		"two codings":               "GET / HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Encoding: gzip\r\n\r\n",
		"folded line":               "GET / HTTP/1.1\r\nHost: h\r\nX-A: b\r\n c\r\n\r\n",
		"space before colon":        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length : 5\r\n\r\n",
		"bare LF":                   "GET / HTTP/1.1\nHost: h\n\n",
		"NUL in a value":            "GET / HTTP/1.1\r\nHost: h\r\nX-A: b\x00c\r\n\r\n",
		"chunks over HTTP/1.0":      "POST /v1/batches HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"not HTTP":                  "hello\r\n\r\n",
		"HTTP/2 preface":            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"control byte in the path":  "GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n",
		"length with a plus":        "POST /v1/batches HTTP/1.1\r\nHost: h\r\nContent-Length: +5\r\n\r\nhello",
		"length beyond all numbers": "POST /v1/batches HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n",
	} {
		got := w.raw(head + next)
		if len(got) != 1 || got[0].status != 400 || !got[0].closed {
			t.Errorf("%s: %d answers, first %+v", name, len(got), got)
			continue
		}
		if code := got[0].problem(t).Code; code != "bad_request" {
			t.Errorf("%s: %s", name, code)
		}
	}
}

// fasthttp v1.74.0 reports a plain io.EOF when the client closes inside an announced length, and when it closes between two chunks.
func TestTruncatedBody_IsNeverAWholeOne(t *testing.T) {
	head := `{"channel":"email"}` + "\n"
	line := `{"to":"ann@example.org"}` + "\n"
	prefix := "POST /v1/batches HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer all\r\nContent-Type: application/x-ndjson\r\n"
	long := head + strings.Repeat(line, 1000)
	for name, request := range map[string]string{
		"inside the length":        prefix + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(long)+len(line), long),
		"between two chunks":       prefix + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(long), long),
		"inside a chunk":           prefix + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s", len(long)+1, long),
		"inside a chunk size":      prefix + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n1", len(long), long),
		"before the last line end": prefix + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n", len(long), long),
	} {
		w := start(t)
		got := w.raw(request)
		if len(got) != 1 || got[0].status != 400 {
			t.Errorf("%s: %+v", name, got)
		}
		if w.intake.commits != 0 {
			t.Errorf("%s: half a batch was accepted", name)
		}
	}
	w := start(t)
	whole := prefix + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(long), long)
	if got := w.raw(whole); len(got) != 1 || got[0].status != 202 || len(w.intake.addresses()) != 1000 {
		t.Errorf("a whole one: %+v", got)
	}
}

func TestPipelining_TwoWholeBatchesOnOneConnection(t *testing.T) {
	w := start(t)
	one := fmt.Sprintf("POST /v1/batches HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer all\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(oneRecipient), oneRecipient)
	if got := w.raw(one + one); len(got) != 2 || got[0].status != 202 || got[1].status != 202 || len(w.intake.addresses()) != 2 {
		t.Fatalf("%+v", got)
	}
}

func TestHeader_TooLargeIs431(t *testing.T) {
	w := start(t)
	got := w.raw("GET / HTTP/1.1\r\nHost: h\r\nX-Long: " + strings.Repeat("a", 9<<10) + "\r\n\r\n")
	if len(got) != 1 || got[0].status != 431 || got[0].problem(t).Code != "header_too_large" {
		t.Fatalf("%+v", got)
	}
}
