package problem

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"heed/gateway/internal/batchjson"
	"heed/gateway/internal/catalog"
	"heed/gateway/internal/intake"
	"heed/gateway/internal/queue"
	"heed/gateway/internal/transfer"

	"github.com/go-json-experiment/json"
)

func TestKinds_EachCodeOnceWithStatusAndHelp(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Kinds() {
		if seen[k.Code] || k.Status < 400 || k.Status > 599 || k.Title == "" || k.Help == "" {
			t.Errorf("%+v", k)
		}
		seen[k.Code] = true
	}
}

func TestOf_EveryErrorHasItsAnswer(t *testing.T) {
	check := func(err error, status int, code string) {
		t.Helper()
		if p := Of(fmt.Errorf("wrapped: %w", err)); p.Status != status || p.Code != code {
			t.Errorf("%v: %d %s", err, p.Status, p.Code)
		}
	}
	check(New("conflict", "x"), 409, "conflict")
	check(&intake.Fault{Status: 422, Code: "unknown_topic"}, 422, "unknown_topic")
	check(&intake.Fault{Status: 422, Code: "finer_than_the_table"}, 422, "finer_than_the_table")
	check(&batchjson.Error{Code: "duplicate_key"}, 422, "duplicate_key")
	check(&batchjson.Error{Code: "finer_than_the_table"}, 422, "finer_than_the_table")
	check(queue.ErrNotFound, 404, "not_found")
	check(transfer.ErrTooLarge, 413, "body_too_large")
	check(transfer.ErrFormat, 422, "invalid")
	check(fmt.Errorf("store import: %w: the disk", transfer.ErrNoRoom), 503, "no_room")
	if got := Of(fmt.Errorf("%w: the file is empty", transfer.ErrFormat)).Detail; got != "The file cannot be read: the file is empty." {
		t.Errorf("%s", got)
	}
	check(catalog.ErrInvalid, 422, "invalid")
	check(errors.New("disk sda7 is gone"), 503, "unavailable")
}

// The cause is for the log; what the caller sees never holds it.
func TestDocument_HidesTheCauseAndNamesARow(t *testing.T) {
	p := Of(&intake.Fault{Status: 503, Code: "finer_than_the_table", Detail: "later", Cause: errors.New("disk sda7 is gone")})
	raw := p.Document("https://heed.example", "req_1")
	var d Document
	if err := json.Unmarshal(raw, &d); err != nil || strings.Contains(string(raw), "sda7") {
		t.Fatalf("%v %s", err, raw)
	}
	if d.Type != "https://heed.example/problems/unavailable" || d.Code != "finer_than_the_table" || d.Status != 503 || d.Instance != "req_1" || p.Cause == nil || p.RetrySeconds() != 5 {
		t.Fatalf("%+v", d)
	}
}

func TestRetrySeconds_RoundsUp(t *testing.T) {
	for after, want := range map[time.Duration]int{0: 0, 1: 1, time.Second: 1, time.Second + 1: 2} {
		if got := (&Problem{RetryAfter: after}).RetrySeconds(); got != want {
			t.Errorf("%v: %d", after, got)
		}
	}
}
