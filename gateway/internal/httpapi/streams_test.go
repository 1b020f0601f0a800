package httpapi

import (
	"fmt"
	"runtime"
	"testing"
)

// Each NDJSON batch that comes in remembers its recipients to find duplicates, so their number is bounded; one more is told to come again, and other calls go on.
func TestStreams_AreBoundedInNumber(t *testing.T) {
	w := start(t)
	for range maxStreams {
		fmt.Fprintf(w.dial(), "POST /v1/batches HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer all\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{\"\r\n")
	}
	head := `{"channel":"email","class":"marketing","from":"news@example.com","subject":"Hi","text":"Hello"}` + "\n" + `{"to":"ann@example.org"}` + "\n"
	for len(w.server.streams) < maxStreams { // until the server has come to each of them
		runtime.Gosched()
	}
	got := w.do("POST", "/v1/batches", "all", "application/x-ndjson", head)
	if got.status != 503 || got.problem(t).Code != "busy" {
		t.Errorf("one stream more: %d", got.status)
	}
	if got := w.get("/v1/topics"); got.status != 200 {
		t.Errorf("another call: %d", got.status)
	}
}
