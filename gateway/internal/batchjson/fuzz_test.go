package batchjson

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var fuzzLimits = Limits{Recipients: 5, Depth: 4}

// seeds are bodies from plain to hostile; testdata/fuzz holds what the fuzzer found worth keeping.
var seeds = []string{
	`{"channel":"email","class":"marketing","topic":"weekly","from":"News <news@example.com>","reply_to":"r@example.com","subject":"Hi {{name}}",
	"html":"<p>","text":"t","headers":{"X-A":"1","X-B":"2"},"vars":{"shop":"Ann's"},"send_at":"2027-01-01T00:00:00Z","expires_at":"2027-01-02T00:00:00Z",
	"template_id":"t@1","recipients":[{"to":"ann@example.org","vars":{"name":"Ann","n":1.5e+3,"ok":true,"no":null},"client_ref":"42",
	"fallback":{"channel":"sms","to":"+4790000000"}},{"to":"b@example.org"}]}`,
	`{"recipients":[],"body":"\u00e6\ud83d\ude1c\n\\\"\/"}`,
	`{"recipients":[{"to":"a","vars":{"\u0061b":"\u0062","a\u0062":1}}]}`,
	`{"recipients":[{"to":"a","vars":{"\u0022":1}}]}`,
	`{"recipients":[{"to":"\ud800"}]}`, `{"recipients":[{"to":"\ud800\u0041"}]}`, `{"recipients":[{"to":"\udc00\ud800"}]}`, `{"recipients":[{"to":"\u0000"}]}`,
	`{"recipients":[{"to":"a","to":"b"}]}`, `{"recipients":[{"\u0074o":"a","to":"b"}]}`, `{"recipients":[{}]}`, `{"recipients":[{"to":null}]}`,
	`{"recipients":[{"to":"a"},]}`, `{"recipients":[1]}`, `{"recipients":{}}`, `{"recipients":[[[[[[[[]]]]]]]]}`, `{"x":{"x":{"x":{"x":{"x":1}}}}}`,
	`{"recipients":[{"to":"a","vars":{"a":-0.0e-0,"b":01}}]}`, `{"recipients":[{"to":"a","vars":{"a":-}}]}`, `{"recipients":[{"to":"a","vars":{"a":1.}}]}`,
	`{"recipients":[{"to":"a","vars":{"a":1e}}]}`, `{"recipients":[{"to":"a","vars":{"a":nul}}]}`, `{"recipients":[{"to":"a","vars":{"a":[1]}}]}`,
	"\xef\xbb\xbf{}", "{\"recipients\":[{\"to\":\"\xff\"}]}", `{"recipients":[]} x`, `{"recipients":[]}{}`, ``, ` `, `{`, `{"`, `{"a`, `{"a\`, `{"a":`, `[]`, `"`,
	"{\"recipients\":[{\"to\":\"a\tb\"}]}", "{\"recipients\":[{\"to\":\"12345678\n\"}]}", `{"recipients":[{"to":"a"}],"recipients":[]}`,
	`{"recipients":[{"to":"a","fallback":{"channel":"sms"}}]}`, `{"to":"a","vars":{"a":"b"},"channel":"sms"}`, `{"to":"a"}`, `{"channel":"sms"}`,
}

func FuzzBatch(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var d Decoder
		agree(t, body, &d, (*Decoder).Batch, (*oracle).batch)
		agree(t, body, &d, (*Decoder).Message, (*oracle).message)
	})
}

func FuzzLine(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		var d Decoder
		agree(t, line, &d, (*Decoder).Head, (*oracle).head)
		agree(t, line, &d, func(d *Decoder, line []byte, l Limits) error { return d.Line(line, 2, l) }, (*oracle).recipient)
	})
}

// FuzzVars: bytes from a damaged store are an error, and what is no error reads as the oracle reads it.
func FuzzVars(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":"b\n","c":1,"d":null,"e":true}`, `{"a":"\ud83d\ude1c"}`, `{"a"`, `null`, `{"a":{}}`, `{"a":1}x`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, vars []byte) {
		o, wantErr := readOracle(vars, Limits{Depth: 1}, func(o *oracle) (err error) {
			o.shared.Vars, err = o.vars()
			return err
		})
		got := map[string]string{}
		err := AppendVars(got, bytes.Clone(vars))
		Names(vars, func([]byte) {}) // ends, whatever it reads
		if wantErr != nil || len(vars) == 0 {
			return
		}
		if err != nil || !cmp.Equal(got, o.shared.Vars) {
			t.Fatalf("AppendVars = %v, %v; want %v", got, err, o.shared.Vars)
		}
	})
}

// agree reads text with both and compares verdict and values. d is reused between calls, as a server does.
func agree(t *testing.T, text []byte, d *Decoder, read func(*Decoder, []byte, Limits) error, value func(*oracle) error) {
	t.Helper()
	o, want := readOracle(text, fuzzLimits, value)
	d.reset()
	err := read(d, bytes.Clone(text), fuzzLimits)
	if (err == nil) != (want == nil) {
		t.Fatalf("%q: read %v, oracle %v", text, err, want)
	}
	if err != nil {
		checkError(t, text, err)
		return
	}
	if diff := cmp.Diff(o.shared, d.Shared); diff != "" {
		t.Fatalf("%q: shared (-oracle +read)\n%s", text, diff)
	}
	if diff := cmp.Diff(o.recipients, plainRecipients(t, d.Recipients), cmp.AllowUnexported(oracleRecipient{})); diff != "" {
		t.Fatalf("%q: recipients (-oracle +read)\n%s", text, diff)
	}
}

func plainRecipients(t *testing.T, list []Recipient) []oracleRecipient {
	t.Helper()
	var out []oracleRecipient
	for _, r := range list {
		p := oracleRecipient{to: string(r.To), clientRef: string(r.ClientRef), fallbackChannel: string(r.FallbackChannel), fallbackTo: string(r.FallbackTo)}
		if r.Vars != nil {
			p.vars = map[string]string{}
			if err := AppendVars(p.vars, r.Vars); err != nil {
				t.Fatal(err)
			}
			n := 0
			Names(r.Vars, func(name []byte) {
				n++
				if _, ok := p.vars[string(name)]; !ok {
					t.Fatalf("Names gives %q, AppendVars does not", name)
				}
			})
			if n != len(p.vars) {
				t.Fatalf("Names gives %d, AppendVars %d", n, len(p.vars))
			}
		}
		out = append(out, p)
	}
	return out
}

var codes = strings.Fields("syntax duplicate_key unknown_key bad_name wrong_type invalid_utf8 too_deep too_many missing too_long")

// checkError: every fault has a code of the list, a remedy, and a pointer that is one (RFC 6901 §3).
func checkError(t *testing.T, text []byte, err error) {
	t.Helper()
	e, ok := err.(*Error)
	if !ok {
		t.Fatalf("%q: %T is not *Error", text, err)
	}
	if !strings.Contains(" "+strings.Join(codes, " ")+" ", " "+e.Code+" ") || e.Detail == "" {
		t.Fatalf("%q: %+v", text, e)
	}
	if e.Pointer != "" && e.Pointer[0] != '/' {
		t.Fatalf("%q: pointer %q", text, e.Pointer)
	}
}
