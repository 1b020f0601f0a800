package message

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Whatever a value is, either it comes back from the subject as it was, or the mail is refused (RFC 2047, reliability: header injection).
func TestEmail_NoValueBecomesAHeader(t *testing.T) {
	want := headerNames(t, mustRender(t, hostileContent(), recipient()))
	rapid.Check(t, func(t *rapid.T) {
		r := recipient()
		value := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z =?_é\r\n\t\x00]{0,80}`), rapid.SampledFrom([]string{
			"x\r\nBcc: eve@example.net", "x\nBcc: eve@example.net", "x\r\n\r\n<html>", "\r", "=?utf-8?q?=0d=0aBcc:?=", "\u2028Bcc: x", "\u0085Bcc: x", strings.Repeat("y ", 600),
		})).Draw(t, "value")
		r.Vars = map[string]string{"name": value}
		b, err := mustCompile(t, hostileContent()).AppendEmail(nil, r)
		if hasControl(value) {
			if f := (*Fault)(nil); !errors.As(err, &f) || f.Pointer != "/vars/name" || f.Code != "control_character" || len(b) != 0 {
				t.Fatalf("%q: %v", value, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		checkLines(t, b)
		if got := headerNames(t, b); got != want {
			t.Fatalf("headers %s, want %s", got, want)
		}
		subject := value
		if value == "" {
			subject = "there"
		}
		l := read(t, b)
		if got := l.text(t, "Subject"); got != "Hi "+subject {
			t.Fatalf("subject %q, want %q", got, "Hi "+subject)
		}
		if got := l.text(t, "X-Name"); got != subject+"!" {
			t.Fatalf("X-Name %q, want %q", got, subject+"!")
		}
	})
}

func hostileContent() Content {
	c := content()
	c.Subject = `Hi {{name | default: "there"}}`
	c.HTML, c.Text = `<p>{{name|default:"there"}}`, `{{name|default:"there"}}`
	c.Headers = [][2]string{{"X-Name", `{{ name | default: 'there' }}!`}}
	c.Marketing = true
	return c
}

// Whatever stands in any field, a mail that is made has the fields it should have and no other, in its header and in its parts.
func TestEmail_NoFieldBecomesAnother(t *testing.T) {
	fieldCount := len(hostileFields(new(Content), new(Recipient), new(string)))
	for field := range fieldCount {
		for _, value := range hostileValues {
			checkHostile(t, field, value)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		checkHostile(t, rapid.IntRange(0, fieldCount-1).Draw(t, "field"), rapid.StringMatching(`[a<>@",:;. =?_\-\r\n\t\x00é]{0,40}`).Draw(t, "value"))
	})
}

var hostileValues = []string{
	"a@example.org", "x\r\nBcc: eve@example.net", "a@example.org>\r\nBcc: <eve@example.net", "\r\n\r\nbody", "\n", "--=_", "https://x/\r\nBcc: y", "https://x/>,<mailto:y", strings.Repeat("z", 2000),
	strings.Repeat("é ", 500), "Zoë <zoe@example.org>", "=?utf-8?q?=0d=0aBcc:_x?= <a@example.org>", "=?utf-8?q?=0d=0aBcc:_x?=",
}

func hostileFields(c *Content, r *Recipient, name *string) []*string {
	c.Headers = [][2]string{{"X-Name", "{{name}}"}}
	return []*string{
		&c.From, &c.ReplyTo, &c.Subject, &c.HTML, &c.Text, &c.ListID, &c.FeedbackID, &c.Headers[0][1], &r.To, &r.MessageID, &r.UnsubscribeURL, &r.UnsubscribeTo, &r.PreferencesURL, name,
	}
}

func checkHostile(t rapid.TB, field int, value string) {
	t.Helper()
	c, r, name := hostileContent(), recipient(), "Ann"
	c.ReplyTo, c.ListID, c.FeedbackID = "reply@example.com", "<weekly.example.com>", "weekly:marketing:heed-acme"
	*hostileFields(&c, &r, &name)[field] = value
	r.Vars = map[string]string{"name": name}
	tpl, err := CompileEmail(c)
	if err != nil {
		return
	}
	if b, err := tpl.AppendEmail(nil, r); err == nil {
		checkNames(t, string(b), c)
	}
}

// checkNames compares the field names of a mail that may need SMTPUTF8 with those its content asks for.
func checkNames(t rapid.TB, mail string, c Content) {
	want := map[string]int{
		"From": 1, "To": 1, "Subject": 1, "Date": 1, "Message-ID": 1, "MIME-Version": 1, "List-Unsubscribe": 1, "List-Unsubscribe-Post": 1, "X-Name": 1, "Content-Type": 1,
		"Reply-To": present(c.ReplyTo), "List-Id": present(c.ListID), "Feedback-ID": present(c.FeedbackID), "Content-Transfer-Encoding": 1 - present(c.HTML)*present(c.Text),
	}
	for _, name := range strings.Fields(headerNames(t, []byte(mail))) {
		want[name]--
	}
	for name, missing := range want {
		if missing != 0 {
			t.Fatalf("%d of %s missing in %q", missing, name, mail)
		}
	}
	if n := strings.Count(mail, "\r\nContent-Transfer-Encoding: "); n != present(c.HTML)+present(c.Text) {
		t.Fatalf("%d parts in %q", n, mail)
	}
}

func present(s string) int {
	return min(len(s), 1)
}

// headerNames lists the names of a mail's header fields, in order, seen by eyes that know nothing but CRLF.
func headerNames(t rapid.TB, b []byte) string {
	t.Helper()
	header, _, found := strings.Cut(string(b), "\r\n\r\n")
	if !found {
		t.Fatal("no header")
	}
	var names []string
	for _, line := range strings.Split(header, "\r\n") {
		if line[0] == ' ' || line[0] == '\t' {
			continue
		}
		name, _, _ := strings.Cut(line, ":")
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

// Every field of the recipient and of the content is as hostile as a value: control characters are refused everywhere in a header.
func TestEmail_HostileFieldsAreRefused(t *testing.T) {
	const evil = "x\r\nBcc: eve@example.net"
	checkContent := func(pointer string, change func(*Content)) {
		t.Helper()
		c := content()
		change(&c)
		if _, err := CompileEmail(c); !isFault(err, pointer) {
			t.Errorf("%s: %v", pointer, err)
		}
	}
	checkContent("/from", func(c *Content) { c.From = "News <news@example.com>" + evil })
	checkContent("/from", func(c *Content) { c.From = evil + " <news@example.com>" })
	checkContent("/reply_to", func(c *Content) { c.ReplyTo = evil })
	checkContent("/subject", func(c *Content) { c.Subject = evil })
	checkContent("/subject", func(c *Content) { c.Subject = "{{name | default: \"" + evil + "\"}}" })
	checkContent("/subject", func(c *Content) { c.Subject = "a\x00b" })
	checkContent("/headers/X-A", func(c *Content) { c.Headers = [][2]string{{"X-A", evil}} })
	checkContent("/headers/X-A\r\nBcc", func(c *Content) { c.Headers = [][2]string{{"X-A\r\nBcc", "eve@example.net"}} })
	checkContent("/vars/name", func(c *Content) { c.Vars = map[string]string{"name": evil} })
	checkContent("", func(c *Content) { c.ListID = evil })
	checkContent("", func(c *Content) { c.FeedbackID = evil })

	checkRecipient := func(pointer string, change func(*Recipient)) {
		t.Helper()
		c, r := content(), recipient()
		c.Marketing = true
		r.Vars = map[string]string{"name": "Ann"}
		change(&r)
		b, err := mustCompile(t, c).AppendEmail([]byte("kept"), r)
		if !isFault(err, pointer) || string(b) != "kept" {
			t.Errorf("%s: %q, %v", pointer, b, err)
		}
	}
	checkRecipient("/to", func(r *Recipient) { r.To = "ann@example.org\r\nBcc: eve@example.net" })
	checkRecipient("/to", func(r *Recipient) { r.To = "ann@example.org, eve@example.net" })
	checkRecipient("/to", func(r *Recipient) { r.To = "" })
	checkRecipient("/vars/name", func(r *Recipient) { r.Vars["name"] = evil })
	checkRecipient("/vars/name", func(r *Recipient) { r.Vars = nil })
	checkRecipient("", func(r *Recipient) { r.MessageID = "a@b>\r\nBcc: <eve@example.net" })
	checkRecipient("", func(r *Recipient) { r.MessageID = "nohost" })
	checkRecipient("", func(r *Recipient) { r.UnsubscribeURL = "https://heed.example/>\r\nBcc: x" })
	checkRecipient("", func(r *Recipient) { r.UnsubscribeURL = "https://heed.example/\r\nBcc: x" })
	checkRecipient("", func(r *Recipient) { r.UnsubscribeURL = "https://heed.example/é" })
	checkRecipient("", func(r *Recipient) { r.UnsubscribeURL = "javascript:alert(1)" })
	checkRecipient("", func(r *Recipient) { r.UnsubscribeURL = "https://heed.example/" + strings.Repeat("x", 900) })
	checkRecipient("", func(r *Recipient) { r.UnsubscribeURL = "" })
	checkRecipient("", func(r *Recipient) { r.UnsubscribeTo = "u@example.com>,<https://evil.example/" })
	checkRecipient("", func(r *Recipient) { r.PreferencesURL = "" })
	checkRecipient("", func(r *Recipient) { r.PreferencesURL = `https://heed.example/"onclick="x` })
}

func isFault(err error, pointer string) bool {
	f := (*Fault)(nil)
	return errors.As(err, &f) && f.Pointer == pointer && f.Code != "" && f.Detail != ""
}

func TestFault_NeverHoldsTheAddressOrValue(t *testing.T) { // P6
	c, r := content(), recipient()
	r.To, r.Vars = "secret person@example.org", map[string]string{"name": "Ann"}
	_, err := mustCompile(t, c).AppendEmail(nil, r)
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
	r.To, r.Vars = "ann@example.org", map[string]string{"name": "secret\n"}
	if _, err = mustCompile(t, c).AppendEmail(nil, r); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}
