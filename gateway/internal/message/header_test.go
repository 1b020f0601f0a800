package message

import (
	"bytes"
	"mime"
	"net/mail"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestHeaders_OnlyHarmlessOnesAreTheCallers(t *testing.T) { // RFC 5322 §3.6
	check := func(name string, ok bool) {
		t.Helper()
		c := content()
		c.Headers = [][2]string{{name, "x"}}
		_, err := CompileEmail(c)
		if ok != (err == nil) || err != nil && !isFault(err, pointerOf("headers", name)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"X-Shop", "x-campaign-7", "Importance", "organization", "In-Reply-To", "References", "X-Auto-Response-Suppress", "X-Entity-Ref-ID"} {
		check(name, true)
	}
	for _, name := range []string{
		"From", "from", "To", "Cc", "Bcc", "Subject", "Date", "Message-ID", "Reply-To", "Sender", "Return-Path", "Received", "DKIM-Signature", "ARC-Seal", "Authentication-Results",
		"List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Content-Type", "Content-Transfer-Encoding", "MIME-Version", "Auto-Submitted", "Feedback-ID", "Precedence",
		"X-", "", "X-Heed-Batch", "x-heed-", "X-SMTPAPI", "X-SES-CONFIGURATION-SET", "X-Mailgun-Variables", "X-MC-BccAddress", "X-MSYS-API", "X-PM-Message-Stream",
		"X A", "X-A:", "X-Ä", "X-A_B", "X-A\r\nBcc", "X-a/b~c", "X-" + strings.Repeat("a", 63),
	} {
		check(name, false)
	}
}

// Any header text without control characters comes back as it was from net/mail and mime.
func TestAppendField_ReadsBack(t *testing.T) { // RFC 5322 §2.2.3, RFC 2047 §6.1
	words := rapid.SliceOf(rapid.OneOf(rapid.StringMatching(`[!-~]{0,20}`), rapid.StringMatching(`[a-zé🎉]{1,60}`), rapid.SampledFrom([]string{"=?", "?=", strings.Repeat("w", 901), strings.Repeat("v", 900), "日本"})))
	rapid.Check(t, func(t *rapid.T) {
		value := strings.Join(words.Draw(t, "words"), " ")
		name := "X-" + rapid.StringMatching(`[A-Za-z]{1,62}`).Draw(t, "name")
		field := appendField(nil, name, []byte(value))
		checkLines(t, field)
		m, err := mail.ReadMessage(bytes.NewReader(append(field, crlf...)))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get(name)); err != nil || got != value {
			t.Fatalf("%q: got %q, want %q, %v", field, got, value, err)
		}
	})
}

func TestAppendField_EncodedWordsKeepToTheirLine(t *testing.T) { // RFC 2047 §2
	check := func(name, value string) {
		t.Helper()
		for _, line := range bytes.Split(appendField(nil, name, []byte(value)), crlf) {
			if len(line) > maxLine || len(line) > 0 && len(bytes.TrimSpace(line)) == 0 {
				t.Errorf("line of %d bytes: %q", len(line), line)
			}
		}
	}
	for n := range 200 {
		check("Subject", strings.Repeat("é", n))
		check("Subject", strings.Repeat("x", n)+"🎉")
		check("X-"+strings.Repeat("n", n%60), strings.Repeat("日", n)+"!")
	}
}
