package intake

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzAppendString: whatever a recipient's address holds, the answer stays JSON and says the same.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "ann@example.org", `"a\b"@x`, "a\n\x00\x1f\x7f", "é😜\u2028", "\xff\xc3", "\xed\xa0\x80"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, s []byte) {
		wire := appendString(nil, s)
		var got string
		if err := json.Unmarshal(wire, &got); err != nil {
			t.Fatalf("%q: %v", wire, err)
		}
		if want := strings.ToValidUTF8(string(s), "\uFFFD"); utf8.Valid(s) && got != want || !utf8.ValidString(got) {
			t.Fatalf("%q reads as %q", s, got)
		}
		if string(appendString(nil, string(s))) != string(wire) {
			t.Fatal("bytes and text differ")
		}
	})
}

func TestAppendString_AllocatesNothing(t *testing.T) {
	b, s := make([]byte, 0, 256), []byte("\"ann\"@exämple.org")
	if n := testing.AllocsPerRun(100, func() { appendString(b, s) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCut_EndsBetweenCharacters(t *testing.T) {
	check := func(s string, n int, want string) {
		t.Helper()
		if got := string(cut([]byte(s), n)); got != want {
			t.Errorf("cut(%q, %d) = %q, want %q", s, n, got, want)
		}
	}
	check("abc", 3, "abc")
	check("abcd", 3, "abc")
	check("aé", 2, "a")
	check("aé", 3, "aé")
	check("😜x", 3, "")
	check("\x80\x80\x80", 2, "")
}
