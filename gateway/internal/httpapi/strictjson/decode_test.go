package strictjson

import (
	"testing"

	"heed/gateway/internal/httpapi/problem"
)

type item struct {
	Channel string `json:"channel"`
	Topic   string `json:"topic"`
}

// Whatever comes, decoding ends in a value or a problem of our table.
func FuzzDecodeJSON(f *testing.F) {
	f.Add([]byte(`{"channel":"email","address":"a@example.org","reason":"complaint","items":[{"channel":"sms"}]}`))
	f.Add([]byte(`{"channel":"email","channel":"sms"}`))
	f.Add([]byte(`{"items":[[[[[[[[[[[[[[[[[[`))
	f.Add([]byte("{\"topic\":\"\xff\"}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var in struct {
			item
			Items []item `json:"items"`
		}
		err := Decode(raw, &in)
		if err == nil {
			return
		}
		p, ok := err.(*problem.Problem)
		if kind, known := problem.KindOf(p.Code); !ok || !known || kind.Status != p.Status || len(p.Faults) != 1 {
			t.Fatalf("%#v", err)
		}
	})
}

func TestDecode_NamesThePlace(t *testing.T) {
	check := func(raw, code, pointer string) {
		t.Helper()
		var in struct {
			Items []item `json:"items"`
		}
		p, ok := Decode([]byte(raw), &in).(*problem.Problem)
		if !ok || p.Code != code || p.Faults[0].Pointer != pointer {
			t.Errorf("%q: %+v", raw, p)
		}
	}
	check(`{"items":[{"channel":"email"},{"channel":7}]}`, "wrong_type", "/items/1/channel")
	check(`{"items":[{"channel":"email","channel":"sms"}]}`, "duplicate_key", "/items/0/channel")
	check(`{"items":[{"Channel":"email"}]}`, "unknown_key", "/items/0/Channel")
	check(`{"items":[]} {}`, "syntax", "")
	check("{\"items\":\"\xff\"}", "invalid_utf8", "")
	check(`{"items":[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]}`, "too_deep", "")
}
