package httpapi

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Whatever comes, decoding ends in a value or a problem of our table.
func FuzzDecodeJSON(f *testing.F) {
	f.Add([]byte(`{"channel":"email","address":"a@example.org","reason":"complaint","items":[{"channel":"sms"}]}`))
	f.Add([]byte(`{"channel":"email","channel":"sms"}`))
	f.Add([]byte(`{"items":[[[[[[[[[[[[[[[[[[`))
	f.Add([]byte("{\"topic\":\"\xff\"}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var in addBody
		err := decodeJSON(raw, &in)
		if err == nil {
			return
		}
		p, ok := err.(*problem)
		if !ok || kindOf[p.code].status != p.status || len(p.faults) != 1 {
			t.Fatalf("%#v", err)
		}
	})
}

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

// Lines are the same however the bytes come, and are those of a plain split.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nb\r\n\n c \nlast"))
	f.Add([]byte(""))
	f.Add([]byte("\n\n\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var want []string
		for _, line := range strings.Split(string(raw), "\n") {
			if line = strings.TrimRight(line, "\r"); strings.TrimSpace(line) != "" {
				want = append(want, line)
			}
		}
		for _, r := range []io.Reader{bytes.NewReader(raw), iotest.OneByteReader(bytes.NewReader(raw)), iotest.DataErrReader(bytes.NewReader(raw))} {
			l := &lines{from: r, buf: make([]byte, len(raw)+1)}
			var got []string
			for err := error(nil); err != io.EOF; err = l.fill() {
				if err != nil {
					t.Fatal(err)
				}
				for line, ok := l.next(); ok; line, ok = l.next() {
					got = append(got, string(line))
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%q: %q, want %q", raw, got, want)
			}
		}
	})
}

// A path fits a pattern only segment by segment, and its parameters are those segments.
func FuzzFits(f *testing.F) {
	f.Add("/v1/batches/bat_1/recipients")
	f.Add("/v1/batches//recipients")
	f.Add("//")
	f.Add("*")
	f.Add("0v1/batches/00000/")
	f.Fuzz(func(t *testing.T, path string) {
		r := newRouter(routes)
		for _, row := range r.match(path) {
			var params [2]string
			parameters(row.pattern, path, &params)
			if back := fillPattern(row.pattern, params); back != path {
				t.Fatalf("%q fits %q as %q", path, row.pattern, back)
			}
		}
	})
}

func fillPattern(pattern string, params [2]string) string {
	segments := strings.Split(pattern, "/")
	n := 0
	for i, s := range segments {
		if strings.HasPrefix(s, "{") {
			segments[i] = params[n]
			n++
		}
	}
	return strings.Join(segments, "/")
}

func FuzzParseDigest(f *testing.F) {
	f.Add(digestOf("x"))
	f.Add("sha-512=:AA==:, " + digestOf("y"))
	f.Add("sha-256=:::")
	f.Fuzz(func(t *testing.T, value string) {
		if d, ok := parseDigest(value); !ok && d != [32]byte{} {
			t.Fatal("a digest that is none")
		}
	})
}
