package bulkcheck

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"heed/gateway/internal/httpapi/keyring"
	"heed/suppression"
	"heed/suppression/address"
	"heed/suppression/policy"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

func TestWhole_AllocatesNothingPerAddress(t *testing.T) {
	k, err := New(parts(emptyList{}), Question{Channel: "email"})
	if err != nil {
		t.Fatal(err)
	}
	raw := jsontext.Value(`[` + strings.Repeat(`"someone@example.org",`, 999) + `"someone@example.org"]`)
	out := make([]byte, 0, 1<<20)
	n := testing.AllocsPerRun(20, func() {
		if err := k.readArray(raw); err != nil {
			t.Fatal(err)
		}
		if _, err := k.answer(context.Background(), out, ','); err != nil {
			t.Fatal(err)
		}
	})
	if n > 2 {
		t.Fatalf("%v allocations for 1000 addresses", n)
	}
}

func parts(l List) Parts {
	secret := bytes.Repeat([]byte("s"), address.MinSecret)
	return Parts{List: l, Table: policy.Default(), Now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), Ring: func(c policy.Channel) *keyring.Ring {
		return keyring.New(c, address.NewKeyer(secret, "acme", c.String()), "")
	}}
}

type emptyList struct{ List }

func (emptyList) CheckBatch(context.Context, []suppression.Key, []bool) error { return nil }

// The inside of an array gives the same strings as the library's own decoder.
func FuzzReadArray(f *testing.F) {
	f.Add([]byte(`["a","b\"c",  "\\"]`))
	f.Add([]byte(`[]`))
	f.Add([]byte(`["a",7]`))
	f.Add([]byte(`[["a"]]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		value := jsontext.Value(raw)
		if !value.IsValid() || value.Kind() != '[' {
			return
		}
		value = bytes.TrimSpace(value)
		var want []string
		strict := json.Unmarshal(value, &want) == nil && !bytes.Contains(value, []byte("null"))
		var got []string
		elements, ok := value[1:len(value)-1], true
		for rest := trimSeparators(elements); len(rest) > 0 && ok; {
			var s jsontext.Value
			if s, rest = cutString(rest); s == nil {
				ok = false
				break
			}
			text, err := jsontext.AppendUnquote(nil, s)
			if err != nil {
				ok = false
			}
			got = append(got, string(text))
		}
		if strict && (!ok || !slices.Equal(got, want)) {
			t.Fatalf("%q: %q, want %q", raw, got, want)
		}
	})
}
