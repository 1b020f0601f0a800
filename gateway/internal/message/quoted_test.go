package message

import (
	"bytes"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// However literals and values follow each other, the body reads back, its lines keep to 76 bytes, none ends in a blank and none begins with what
// is changed on the way (RFC 2045 §6.7, RFC 2049 §3).
func TestPart_AnySpliceReadsBack(t *testing.T) {
	text := rapid.OneOf(
		rapid.StringMatching(`[ \ta.=F\r\n<&"é]{0,12}`), rapid.StringMatching(`x{60,80}[ \n.]?`), rapid.String(), rapid.SampledFrom([]string{"From ", "\r\nFrom x", "é \r\n", strings.Repeat("é", 25)}),
	)
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom([]*plain{&plainText, &plainHTML}).Draw(t, "kind")
		c := newCompiler(nil)
		var source, want strings.Builder
		values := []string{""}
		for range rapid.IntRange(0, 5).Draw(t, "tags") {
			literal := strings.NewReplacer("{", "(", "}", ")").Replace(text.Draw(t, "literal"))
			value := text.Draw(t, "value")
			values = append(values, value)
			source.WriteString(literal + "{{v" + strings.Repeat("_", len(values)) + "}}")
			want.WriteString(canonicalText(literal))
			if p == &plainHTML {
				value = escapeHTML(value)
			}
			want.WriteString(canonicalText(value))
		}
		part, err := c.compilePart("/text", "plain", source.String(), p)
		if err != nil {
			t.Fatal(err)
		}
		body := part.append(nil, values, maxMail)
		got, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(body)))
		if err != nil || string(got) != ended(want.String()) && string(got) != want.String()+"\r\n" {
			t.Fatalf("%q with %q: %q: got %q, want %q, %v", source.String(), values, body, got, want.String(), err)
		}
		for _, line := range bytes.Split(body, crlf) {
			if len(line) > maxLine || bytes.ContainsAny(line, "\r\n\x00") || len(line) > 0 && (misread(string(line)) || blank(line[len(line)-1])) {
				t.Fatalf("line %q", line)
			}
		}
	})
}
