package transfer

import (
	"bytes"
	"encoding/csv"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCSV_ReadsWhatTheStandardLibraryWrites(t *testing.T) { // RFC 4180 §2
	field := rapid.StringMatching(`[a-z@" ,.\r\n;üx]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOf(rapid.SliceOfN(field, 2, 5)).Draw(t, "records")
		var file bytes.Buffer
		w := csv.NewWriter(&file)
		w.UseCRLF = rapid.Bool().Draw(t, "CRLF")
		if err := w.WriteAll(records); err != nil {
			t.Fatal(err)
		}
		rows := csvRows{w: newWindow(&file)}
		for _, want := range records {
			got, _, err := rows.next()
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(texts(got, w.UseCRLF), texts(bytesOf(want), w.UseCRLF)) {
				t.Fatalf("%q, want %q", got, want)
			}
		}
		if _, _, err := rows.next(); err != io.EOF {
			t.Fatal(err)
		}
	})
}

// texts makes strings of fields. With UseCRLF the writer changes line ends inside fields, too.
func texts(fields [][]byte, crlf bool) (all []string) {
	for _, f := range fields {
		s := string(f)
		if crlf {
			s = strings.ReplaceAll(strings.ReplaceAll(s, "\r", ""), "\n", "")
		}
		all = append(all, s)
	}
	return all
}

func bytesOf(fields []string) (all [][]byte) {
	for _, f := range fields {
		all = append(all, []byte(f))
	}
	return all
}

func TestCSV_TakesFieldsAsPeopleWriteThem(t *testing.T) {
	check := func(record string, want ...string) {
		t.Helper()
		if got := texts(splitRecord(nil, []byte(record)), false); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", record, got, want)
		}
	}
	check(`a,b`, `a`, `b`)
	check(`a,,`, `a`, ``, ``)
	check(`"a,b","c""d",""`, `a,b`, `c"d`, ``)
	check(`"ann smith"@example.org,x`, `"ann smith"@example.org`, `x`) // a quoted local part without a second pair
	check(`a"b,c`, `a"b`, `c`)
	check(`"open,c`, `"open`, `c`)
	check(`"""q"""@x.org`, `"""q"""@x.org`)
	check(`"""q""@x.org"`, `"q"@x.org`)
}
