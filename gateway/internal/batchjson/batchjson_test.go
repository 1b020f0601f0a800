package batchjson

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var limits = Limits{Recipients: 10_000, Depth: 16}

func TestBatch_ReadsTheWireExample(t *testing.T) {
	var d Decoder
	if err := d.Batch([]byte(seeds[0]), limits); err != nil {
		t.Fatal(err)
	}
	want := Shared{
		Channel: "email", Class: "marketing", Topic: "weekly", From: "News <news@example.com>", ReplyTo: "r@example.com",
		Subject: "Hi {{name}}", HTML: "<p>", Text: "t", Headers: [][2]string{{"X-A", "1"}, {"X-B", "2"}}, Vars: map[string]string{"shop": "Ann's"},
		SendAt: "2027-01-01T00:00:00Z", ExpiresAt: "2027-01-02T00:00:00Z", TemplateID: "t@1",
	}
	if diff := cmp.Diff(want, d.Shared); diff != "" {
		t.Error(diff)
	}
	ann := Recipient{
		To: []byte("ann@example.org"), Vars: []byte(`{"name":"Ann","n":1.5e+3,"ok":true,"no":null}`), ClientRef: []byte("42"),
		FallbackChannel: []byte("sms"), FallbackTo: []byte("+4790000000"),
	}
	if diff := cmp.Diff([]Recipient{ann, {To: []byte("b@example.org")}}, d.Recipients); diff != "" {
		t.Error(diff)
	}
}

// Every fault names its place (RFC 6901), its code and what to change.
func TestBatch_SaysWhereAFaultIsAndWhatToChange(t *testing.T) {
	check := func(body, pointer, code, detail string) {
		t.Helper()
		var d Decoder
		err := d.Batch([]byte(body), Limits{Recipients: 2, Depth: 5})
		e, ok := err.(*Error)
		if !ok || e.Pointer != pointer || e.Code != code || !strings.Contains(e.Detail, detail) || e.Line != 0 {
			t.Errorf("%.80q: %v; want %s %s … %s", body, err, pointer, code, detail)
		}
	}
	one := func(member string) string { return `{"recipients":[{"to":"a"},{"to":"b",` + member + `}]}` }
	vars := func(members string) string { return one(`"vars":{` + members + `}`) }

	check(``, "", "syntax", "an object")
	check("\xef\xbb\xbf{}", "", "syntax", "byte order mark")
	check("{\"subject\":\"\xff\"}", "", "invalid_utf8", "byte 12")
	check("{\"subject\":\"\xed\xa0\x80\"}", "", "invalid_utf8", "byte 12") // a surrogate in UTF-8: RFC 3629 §3
	check(`{"recipients":[]} {}`, "", "syntax", "end of the text")
	check(`{"recipients":[]`, "", "syntax", "ends where")
	check(`[]`, "", "wrong_type", "this is an array: send an object")
	check(`nope`, "", "syntax", "an object") // not null
	check(`-`, "", "syntax", "an object")
	check(`{}`, "/recipients", "missing", "add")
	check(`{"recipients":{}}`, "/recipients", "wrong_type", "send an array")
	check(`{"recipients":[{}]}`, "/recipients/0/to", "missing", "address")
	check(`{"recipients":[{"to":"a"},{"to":"b"},{"to":"c"}]}`, "/recipients/2", "too_many", "more than 2")
	check(`{"recipients":[{"to":7}]}`, "/recipients/0/to", "wrong_type", "this is a number: send a string")
	check(`{"recipients":[{"to":null}]}`, "/recipients/0/to", "wrong_type", "null")
	check(`{"recipients":[{"to":"a","to":"b"}]}`, "/recipients/0/to", "duplicate_key", "once")
	check(`{"recipients":[{"to":"a","\u0074o":"b"}]}`, "/recipients/0/to", "duplicate_key", "once")
	check(`{"channel":"sms","channel":"sms"}`, "/channel", "duplicate_key", "once")
	check(`{"recipients":[{"emial":"b"}]}`, "/recipients/0/emial", "unknown_key", "known here are to, vars")
	check(one(`"clientRef":"b"`), "/recipients/1/clientRef", "unknown_key", `"client_ref"`)
	check(`{"Subject":"b"}`, "/Subject", "unknown_key", `did you mean "subject"`)
	check(`{"template":"b"}`, "/template", "unknown_key", `"template_id"`)
	check(one(`"fallback":{"channel":"sms"}`), "/recipients/1/fallback", "missing", "channel")
	check(one(`"fallback":{"channel":"sms","number":"1"}`), "/recipients/1/fallback/number", "unknown_key", "channel, to")
	check(one(`"client_ref":"`+strings.Repeat("x", 129)+`"`), "/recipients/1/client_ref", "too_long", "128")
	check(vars(`"a":[1]`), "/recipients/1/vars/a", "wrong_type", "an array")
	check(vars(`"a":{"b":1}`), "/recipients/1/vars/a", "wrong_type", "an object")
	check(vars(`"a":{"b":{"c":1}}`), "/recipients/1/vars/a", "too_deep", "5 deep")
	check(vars(`"a/b~":[]`), "/recipients/1/vars/a~1b~0", "wrong_type", "") // RFC 6901 §3
	check(vars(`"a":1,"\u0061":2`), "/recipients/1/vars/a", "duplicate_key", "once")
	check(vars(`"":1`), "/recipients/1/vars", "bad_name", "1 to 64")
	check(vars(`"\n":1`), "/recipients/1/vars", "bad_name", "control")
	check(vars(`"a":1`+strings.Repeat("0", 64)), "/recipients/1/vars/a", "too_long", "string")
	check(vars(`"a":"`+strings.Repeat("x", 64<<10)+`"`), "/recipients/1/vars", "too_long", "65536")
	check(vars(manyMembers(65)), "/recipients/1/vars/v64", "too_many", "64")
	check(vars(`"a":01`), "/recipients/1/vars", "syntax", "','")
	check(vars(`"a":+1`), "/recipients/1/vars/a", "syntax", "")
	check(vars(`"a":TRUE`), "/recipients/1/vars/a", "syntax", "")
	check(vars(`"a":trux`), "/recipients/1/vars/a", "syntax", "true")
	check(vars(`"a":"\x"`), "/recipients/1/vars/a", "syntax", "escape")
	check(`{"subject":"\u12g4"}`, "/subject", "syntax", "hexadecimal")
	check(`{"subject":"\u0000"}`, "/subject", "syntax", "NUL")
	check(`{"subject":"\ud800"}`, "/subject", "invalid_utf8", "surrogate") // RFC 7493 §2.1
	check(`{"subject":"\udc00\ud800"}`, "/subject", "invalid_utf8", "surrogate")
	check("{\"subject\":\"a\nb\"}", "/subject", "syntax", "control character")
	check("{\"subject\":\"a\x00b\"}", "/subject", "syntax", "control character")
	check(`{"headers":{"X-A":1}}`, "/headers/X-A", "wrong_type", "a string")
	check(`{"headers":{"X-A":"1","X-A":"2"}}`, "/headers/X-A", "duplicate_key", "once")
	check(`{"recipients":[[[[[[[]]]]]]]}`, "/recipients/0", "too_deep", "")
	check(strings.Repeat("[", 1_000_000), "", "too_deep", "5 deep")
	check(strings.Repeat(`{"a":`, 1_000_000), "/a", "unknown_key", "")
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"v%d":1`, i)
	}
	return b.String()[1:]
}

// P6: a member name that is an address is shown nowhere.
func TestError_HoldsNoAddress(t *testing.T) {
	var d Decoder
	for _, body := range []string{`{"ann@example.org":1}`, `{"recipients":[{"to":"x","vars":{"ann@example.org":[]}}]}`, `{"recipients":[{"to":"ann@example.org","x":1}]}`,
		`{"recipients":["ann@example.org"]}`, `{"recipients":[{"to":"ann@example.org"]}`} {
		if err := d.Batch([]byte(body), limits); err == nil || strings.Contains(err.Error(), "ann@") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestMessage_HasBothPartsInOneObject(t *testing.T) {
	var d Decoder
	err := d.Message([]byte(`{"to":"+14155552671","channel":"sms","body":"Hi","vars":{"a":1},"client_ref":"r"}`), limits)
	if err != nil {
		t.Fatal(err)
	}
	if d.Shared.Body != "Hi" || d.Shared.Vars != nil || len(d.Recipients) != 1 || string(d.Recipients[0].Vars) != `{"a":1}` {
		t.Errorf("%+v %+v", d.Shared, d.Recipients)
	}
	if err := d.Message([]byte(`{"channel":"sms"}`), limits); err.(*Error).Pointer != "/to" || err.(*Error).Code != "missing" {
		t.Error(err)
	}
}

func TestLine_AppendsAndNamesItsLine(t *testing.T) {
	var d Decoder
	if err := d.Head([]byte(`{"channel":"sms"}`+"\r"), limits); err != nil {
		t.Fatal(err)
	}
	for i, line := range []string{`{"to":"1"}`, ` {"to" : "2" } `} {
		if err := d.Line([]byte(line), i+2, limits); err != nil {
			t.Fatal(err)
		}
	}
	err := d.Line([]byte(`{"to":"3","x":1}`), 4, limits).(*Error)
	if err.Line != 4 || err.Pointer != "/x" || err.Error() != "line 4 /x unknown_key: known here are to, vars, client_ref, fallback" {
		t.Errorf("%+v: %v", err, err)
	}
	if d.Line([]byte(`{"to":"3"} x`), 5, limits) == nil {
		t.Error("what follows a recipient is not noticed")
	}
	if len(d.Recipients) != 2 || string(d.Recipients[1].To) != "2" || d.Recipients[1].Line != 3 || d.Shared.Channel != "sms" {
		t.Errorf("%+v", d)
	}
	if err := d.Head([]byte(`{"recipients":[]}`), limits).(*Error); err.Line != 1 || !strings.Contains(err.Detail, "a line") {
		t.Error(err)
	}
}

// What encoding/json writes, we read back, whatever the strings hold.
func TestBatch_ReadsWhatAnEncoderWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.Rune().Filter(func(r rune) bool { return r != 0 }))
		name := rapid.StringMatching(`[a-z_é]{1,8}`)
		type recipient struct {
			To   string            `json:"to"`
			Vars map[string]string `json:"vars,omitempty"`
		}
		var body struct {
			Recipients []recipient `json:"recipients"`
			Subject    string      `json:"subject"`
		}
		body.Subject = text.Draw(t, "subject")
		for range rapid.IntRange(0, 5).Draw(t, "n") {
			body.Recipients = append(body.Recipients, recipient{text.Draw(t, "to"), rapid.MapOfN(name, text, 0, 8).Draw(t, "vars")})
		}
		if body.Recipients == nil {
			body.Recipients = []recipient{}
		}
		wire, _ := json.Marshal(body)
		var d Decoder
		if err := d.Batch(wire, limits); err != nil {
			t.Fatalf("%s: %v", wire, err)
		}
		if d.Shared.Subject != body.Subject || len(d.Recipients) != len(body.Recipients) {
			t.Fatalf("%+v", d)
		}
		for i, r := range d.Recipients {
			vars := map[string]string{}
			if err := AppendVars(vars, r.Vars); err != nil || string(r.To) != body.Recipients[i].To || len(vars) != len(body.Recipients[i].Vars) {
				t.Fatalf("%v %q %v", err, r.To, vars)
			}
			for k, v := range body.Recipients[i].Vars {
				if vars[k] != v {
					t.Fatalf("%q: %q, want %q", k, vars[k], v)
				}
			}
		}
	})
}

// The accept path allocates nothing per recipient: ten times as many cost not one allocation more.
func TestBatch_AllocatesNothingPerRecipient(t *testing.T) {
	var d Decoder
	allocs := func(n int) float64 {
		body := campaign(n)
		work := make([]byte, len(body))
		return testing.AllocsPerRun(20, func() {
			copy(work, body)
			if err := d.Batch(work, limits); err != nil || len(d.Recipients) != n {
				t.Fatal(err)
			}
		})
	}
	large := allocs(1000)
	if small := allocs(100); small != large {
		t.Errorf("%v allocations for 100 recipients, %v for 1,000", small, large)
	}
}

func TestLine_AllocatesNothing(t *testing.T) {
	var d Decoder
	line := []byte(`{"to":"ann@example.org","vars":{"name":"Ann"},"client_ref":"42","fallback":{"channel":"sms","to":"+4790000000"}}`)
	n := testing.AllocsPerRun(100, func() {
		d.Recipients = d.Recipients[:0]
		if err := d.Line(line, 2, limits); err != nil {
			t.Fatal(err)
		}
		Names(d.Recipients[0].Vars, func([]byte) {})
	})
	if n != 0 {
		t.Errorf("%v allocations a line", n)
	}
}

// campaign is a batch of n recipients such as a marketing system posts.
func campaign(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"channel":"email","class":"marketing","topic":"weekly","from":"News <news@example.com>","subject":"Hi {{name}}","text":"t","recipients":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"to":"first.last%d@example%d.org","vars":{"name":"Ann","code":"X%06d"},"client_ref":"%d"}`, i, i%50, i, i)
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}
