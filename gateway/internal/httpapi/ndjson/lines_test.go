package ndjson

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"heed/gateway/internal/httpapi/problem"
)

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
			l := New(r, make([]byte, len(raw)+1))
			var got []string
			for err := error(nil); err != io.EOF; err = l.Fill() {
				if err != nil {
					t.Fatal(err)
				}
				for line, ok := l.Next(); ok; line, ok = l.Next() {
					got = append(got, string(line))
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%q: %q, want %q", raw, got, want)
			}
		}
	})
}

func TestLines_OneLongerThanTheBlockIsNamed(t *testing.T) {
	l := New(strings.NewReader("a\n\nlonger\n"), make([]byte, 4))
	var err error
	for err == nil {
		for _, ok := l.Next(); ok; _, ok = l.Next() {
		}
		err = l.Fill()
	}
	p, ok := err.(*problem.Problem)
	if !ok || p.Code != "too_long" || p.Faults[0].Line != 3 {
		t.Fatalf("%+v", err)
	}
}
