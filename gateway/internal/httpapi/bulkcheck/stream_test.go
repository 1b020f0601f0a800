package bulkcheck

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"heed/gateway/internal/httpapi/ndjson"
	"heed/suppression"
	"heed/suppression/policy"
)

// rows is a list in memory.
type rows map[suppression.Key][]suppression.Row

func (r rows) CheckBatch(_ context.Context, keys []suppression.Key, hit []bool) error {
	for i, k := range keys {
		hit[i] = len(r[k]) > 0
	}
	return nil
}

func (r rows) Rows(dst []suppression.Row, key suppression.Key) ([]suppression.Row, error) {
	return append(dst, r[key]...), nil
}

func gone(t *testing.T) Parts {
	t.Helper()
	p := parts(rows{})
	keys, code := p.Ring(policy.Email).AppendKeys(nil, []byte("gone@example.org"), false)
	if code != "" {
		t.Fatal(code)
	}
	p.List.(rows)[keys[0]] = []suppression.Row{{Reason: policy.UnsubscribeAll, At: p.Now}}
	return p
}

func answers(p Parts, body string) (string, error) {
	l := ndjson.New(iotest.OneByteReader(strings.NewReader(body)), make([]byte, 64))
	s, err := NewStream(context.Background(), p, l, "req_1")
	if err != nil {
		return "", err
	}
	out, err := io.ReadAll(s)
	return string(out), err
}

func TestStream_ALineForEachAddressInOrder(t *testing.T) {
	got, err := answers(gone(t), `{"channel":"email"}`+"\n\"ann@example.org\"\n\n{\"address\":\"gone@example.org\"}\n\"nobody\"")
	want := `{"index":0,"status":"allowed"}` + "\n" + `{"index":1,"status":"suppressed","code":"unsubscribe_all","action":"block"}` + "\n" +
		`{"index":2,"status":"invalid","code":"address_syntax"}` + "\n"
	if err != nil || got != want {
		t.Fatalf("%s, %v", got, err)
	}
}

// A fault ends the answer with a line that names it, and with an error, so that the answer cannot pass for a whole one.
func TestStream_AFaultIsTheLastLineAndAnError(t *testing.T) {
	check := func(line, code string) {
		t.Helper()
		got, err := answers(gone(t), `{"channel":"email"}`+"\n"+line+"\n\"ann@example.org\"\n")
		if err == nil || !strings.HasSuffix(got, `{"error":{"code":"`+code+`","line":2,"instance":"req_1"}}`+"\n") {
			t.Errorf("%s: %s, %v", line, got, err)
		}
	}
	check(`"ann`, "syntax")
	check(`{}`, "missing")
	check(`{"address":7}`, "wrong_type")
	check(`7`, "wrong_type")
}

func TestStream_TheFirstLineIsTheQuestion(t *testing.T) {
	for _, body := range []string{"", `"ann@example.org"`, `{"channel":"fax"}`, `{"channel":"email","class":"spam"}`, `{"channel":"email","addresses":[]}`} {
		if _, err := answers(gone(t), body); err == nil {
			t.Errorf("%q was taken", body)
		}
	}
}

type brokenList struct{ rows }

var errGone = errors.New("disk gone")

func (brokenList) CheckBatch(context.Context, []suppression.Key, []bool) error { return errGone }

func TestStream_WithoutTheListNobodyIsAllowed(t *testing.T) { // P5
	got, err := answers(parts(brokenList{}), `{"channel":"email"}`+"\n\"ann@example.org\"\n")
	if !errors.Is(err, errGone) || strings.Contains(got, "allowed") || !strings.Contains(got, `"code":"unavailable"`) {
		t.Fatalf("%s, %v", got, err)
	}
}
