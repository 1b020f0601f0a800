package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	gomail "github.com/emersion/go-message/mail"
	"pgregory.net/rapid"
)

// letterRead is a mail read back by net/mail and mime.
type letterRead struct {
	header mail.Header
	parts  map[string]string // by media type, decoded
}

func recipient() Recipient {
	return Recipient{
		To: "ann@example.org", MessageID: "msg_01-7@example.com", Date: time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC),
		UnsubscribeURL: "https://heed.example/u/v1.k.p.m", UnsubscribeTo: "u+v1.k.p.m@in.heed.example", PreferencesURL: "https://heed.example/p/v1.k.p.m",
	}
}

func content() Content {
	return Content{From: "News <news@example.com>", Subject: "Hi {{name}}", HTML: "<p>Hi {{name}}</p>", Text: "Hi {{name}}"}
}

func mustCompile(t rapid.TB, c Content) *Template {
	t.Helper()
	tpl, err := CompileEmail(c)
	if err != nil {
		t.Fatalf("compile: %v", err)
	}
	return tpl
}

func mustRender(t rapid.TB, c Content, r Recipient) []byte {
	t.Helper()
	b, err := mustCompile(t, c).AppendEmail(nil, r)
	if err != nil {
		t.Fatalf("render: %v", err)
	}
	checkLines(t, b)
	return b
}

// checkLines holds every mail to RFC 5322 §2.1.1 and §2.3: CRLF only, lines of at most 998 bytes, 7 bits.
func checkLines(t rapid.TB, b []byte) {
	t.Helper()
	if !bytes.HasSuffix(b, []byte("\r\n")) {
		t.Error("the mail does not end in CRLF")
	}
	for _, line := range bytes.Split(b, []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsAny(line, "\r\n\x00") || bytes.ContainsFunc(line, func(r rune) bool { return r > 0x7e }) {
			t.Fatalf("line %q", line)
		}
	}
}

func read(t rapid.TB, b []byte) letterRead {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	l := letterRead{header: m.Header, parts: map[string]string{}}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatalf("Content-Type: %v", err)
	}
	if kind != "multipart/alternative" {
		l.parts[kind] = decoded(t, m.Header.Get("Content-Transfer-Encoding"), m.Body)
		return l
	}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return l
		}
		if err != nil {
			t.Fatalf("part: %v", err)
		}
		kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		l.parts[kind] = decoded(t, p.Header.Get("Content-Transfer-Encoding"), p)
	}
}

func decoded(t rapid.TB, encoding string, r io.Reader) string {
	t.Helper()
	if encoding != "quoted-printable" {
		t.Fatalf("encoding %q", encoding)
	}
	b, err := io.ReadAll(quotedprintable.NewReader(r))
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	return string(b)
}

func (l letterRead) text(t rapid.TB, name string) string {
	t.Helper()
	s, err := new(mime.WordDecoder).DecodeHeader(l.header.Get(name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s
}

// canonicalText is what a body text becomes: CRLF line ends of any other.
func canonicalText(s string) string {
	return strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(s)
}

// ended is a template whose last line is ended.
func ended(template string) string {
	if strings.HasSuffix(template, "\n") {
		return template
	}
	return template + "\r\n"
}

var naughtyBodies = []string{
	"Ann", "", " ", "Zoë", "日本語", "🏳️‍🌈 👩‍👩‍👧", "مرحبا \u202eabc", strings.Repeat("long", 300), strings.Repeat("é", 2000), ".", "..\r\n.\r\n", "a\r\n.b\n.c", "From me\nFrom you",
	"lone\rreturn", "lone\nfeed", "\r", "\n", "\n\n", "nul\x00byte", "a=b", "=", "=3D", "=\r\n", "trailing ", "trailing \nspaces \t\r\n", "\t", "--=_boundary", "{{name}}", "}}",
	`<script>alert("1")</script>`, "a & b", "&amp;", "'", strings.Repeat("x", 75), strings.Repeat("x", 76), strings.Repeat("x", 77), strings.Repeat("<", 100),
	strings.Repeat("word ", 20_000), "\x7f\x1b[0m", "\u2028", "\ufeff",
}

// Bodies come back as they were, whatever the value holds and wherever in a line it stands (RFC 2045 §6.7).
func TestEmail_BodiesReadBack(t *testing.T) {
	check := func(before, value, after string) {
		t.Helper()
		c := content()
		c.Subject, c.HTML, c.Text = "Hi", before+"{{v}}"+after, before+"{{v}}"+after
		r := recipient()
		r.Vars = map[string]string{"v": value}
		b := mustRender(t, c, r)
		l := read(t, b)
		want := canonicalText(before + value + ended(after))
		if got := l.parts["text/plain"]; got != want {
			t.Errorf("text of %.40q: got %.80q, want %.80q", value, got, want)
		}
		want = canonicalText(before + escapeHTML(value) + ended(after))
		if got := l.parts["text/html"]; got != want {
			t.Errorf("html of %.40q: got %.80q, want %.80q", value, got, want)
		}
		for _, line := range bytes.Split(b[bytes.Index(b, []byte("\r\n\r\n")):], []byte("\r\n")) {
			if len(line) > maxLine {
				t.Errorf("body line of %d bytes: %q", len(line), line)
			}
		}
	}
	for _, value := range naughtyBodies {
		for _, before := range []string{"", "Hi ", "line\r\n", strings.Repeat("é", 12) + "12", strings.Repeat("y", 75)} {
			for _, after := range []string{"", ".", "\r\n", " \r\nnext", ", welcome"} {
				check(before, value, after)
			}
		}
	}
}

func escapeHTML(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;").Replace(s)
}

// go-message is the second reader: it agrees on parts and subject.
func TestEmail_GoMessageAgrees(t *testing.T) {
	for _, value := range []string{"Ann", "Zoë 🏳️‍🌈", strings.Repeat("日本語", 50), "=?utf-8?q?x?=", "two  spaces", " edge "} {
		c, r := content(), recipient()
		r.Vars = map[string]string{"name": value}
		m, err := gomail.CreateReader(bytes.NewReader(mustRender(t, c, r)))
		if err != nil {
			t.Fatal(err)
		}
		if subject, err := m.Header.Subject(); err != nil || subject != "Hi "+value {
			t.Errorf("subject %q, %v", subject, err)
		}
		if id, err := m.Header.MessageID(); err != nil || id != r.MessageID {
			t.Errorf("Message-ID %q, %v", id, err)
		}
		if date, err := m.Header.Date(); err != nil || !date.Equal(r.Date) {
			t.Errorf("date %v, %v", date, err)
		}
		for _, want := range []string{"Hi " + value + "\r\n", "<p>Hi " + escapeHTML(value) + "</p>\r\n"} {
			part, err := m.NextPart()
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := io.ReadAll(part.Body); string(got) != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	}
}

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

func TestEmail_SameInputSameBytes(t *testing.T) { // P3
	c, r := content(), recipient()
	r.Vars = map[string]string{"name": "Ann"}
	first := mustRender(t, c, r)
	if !bytes.Equal(first, mustRender(t, c, r)) {
		t.Error("a retry gives other bytes")
	}
	r.MessageID = "msg_01-8@example.com"
	if a, b := boundaryOf("msg_01-7@example.com"), boundaryOf(r.MessageID); a == b {
		t.Error("two messages share a boundary")
	}
}

func TestMarketing_CarriesTheOneClickPairOnce(t *testing.T) { // RFC 8058 §3.1
	c, r := content(), recipient()
	r.Vars = map[string]string{"name": "Ann"}
	c.Marketing = true
	h := read(t, mustRender(t, c, r)).header
	check := func(name string, want ...string) {
		t.Helper()
		if got := h[name]; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	check("List-Unsubscribe", "<https://heed.example/u/v1.k.p.m>, <mailto:u+v1.k.p.m@in.heed.example>")
	check("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	r.UnsubscribeTo = ""
	h = read(t, mustRender(t, c, r)).header
	check("List-Unsubscribe", "<https://heed.example/u/v1.k.p.m>")

	c.Marketing, c.Auto = false, true
	h = read(t, mustRender(t, c, r)).header
	check("List-Unsubscribe")
	check("List-Unsubscribe-Post")
	check("Auto-Submitted", "auto-generated") // RFC 3834 §5
}

func TestMarketing_ShowsALink(t *testing.T) { // Gmail: a visible unsubscribe in the body
	check := func(html, wantHTML, text, wantText string) {
		t.Helper()
		c, r := content(), recipient()
		c.Marketing, c.Subject, c.HTML, c.Text = true, "News", html, text
		l := read(t, mustRender(t, c, r))
		if got := l.parts["text/html"]; got != wantHTML {
			t.Errorf("html %q, want %q", got, wantHTML)
		}
		if got := l.parts["text/plain"]; got != wantText {
			t.Errorf("text %q, want %q", got, wantText)
		}
	}
	const page = "https://heed.example/p/v1.k.p.m"
	footer := strings.Replace(htmlFooter, "{{unsubscribe_url}}", page, 1)
	inText := strings.Replace(textFooter, "{{unsubscribe_url}}", page, 1)
	check("<p>News", "<p>News"+footer, "News", "News\r\n"+inText)
	check("<body><p>News</BODY></html>", "<body><p>News"+footer+"</BODY></html>\r\n", "News\n", "News\r\n"+inText)
	check(`<a href="{{preferences_url}}">out</a>`, `<a href="`+page+`">out</a>`+"\r\n", "out: {{ unsubscribe_url }}", "out: "+page+"\r\n")
}

func TestEmail_OthersHaveNoFooter(t *testing.T) {
	c, r := content(), recipient()
	r.Vars, r.PreferencesURL, r.UnsubscribeURL = map[string]string{"name": "Ann"}, "", ""
	if b := mustRender(t, c, r); bytes.Contains(b, []byte("nsubscribe")) {
		t.Errorf("%s", b)
	}
}

func TestEmail_LinksBelongToTheGateway(t *testing.T) {
	c, r := content(), recipient()
	c.Marketing, c.Subject, c.HTML, c.Text = true, "News", "", "{{unsubscribe_url}}"
	c.Vars = map[string]string{"unsubscribe_url": "https://evil.example/"}
	r.Vars = c.Vars
	if got := read(t, mustRender(t, c, r)).parts["text/plain"]; got != r.PreferencesURL+"\r\n" {
		t.Errorf("got %q", got)
	}
}

func TestEmail_ValuesBeatEachOtherInOrder(t *testing.T) {
	check := func(vars, shared map[string]string, want string) {
		t.Helper()
		c, r := content(), recipient()
		c.Subject, c.HTML, c.Text, c.Vars, r.Vars = "Hi", "", `{{v | default: "fallback"}}`, shared, vars
		if got := read(t, mustRender(t, c, r)).parts["text/plain"]; got != want+"\r\n" {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	own, shared := map[string]string{"v": "own"}, map[string]string{"v": "shared"}
	check(own, shared, "own")
	check(nil, shared, "shared")
	check(nil, nil, "fallback")
	check(map[string]string{"v": ""}, shared, "fallback")
}

func TestEmail_LookupStandsForVars(t *testing.T) {
	c, r := content(), recipient()
	r.Vars = map[string]string{"name": "map"}
	r.Lookup = func(name string) (string, bool) { return "looked up " + name, true }
	if got := read(t, mustRender(t, c, r)).text(t, "Subject"); got != "Hi looked up name" {
		t.Errorf("got %q", got)
	}
}

func TestEmail_SinglePartStandsAlone(t *testing.T) {
	c, r := content(), recipient()
	c.Subject, c.HTML, c.Text = "Hi", "", "only text"
	if l := read(t, mustRender(t, c, r)); l.parts["text/plain"] != "only text\r\n" || len(l.parts) != 1 {
		t.Errorf("%q", l.parts)
	}
	c.HTML, c.Text = "<p>only html", ""
	if l := read(t, mustRender(t, c, r)); l.parts["text/html"] != "<p>only html\r\n" || len(l.parts) != 1 {
		t.Errorf("%q", l.parts)
	}
}

func TestEmail_TooLongIsRefused(t *testing.T) {
	c, r := content(), recipient()
	c.Subject, c.HTML, c.Text = "Hi", "", strings.Repeat("{{v}}", 100)
	r.Vars = map[string]string{"v": strings.Repeat("x", 1<<20)}
	if _, err := mustCompile(t, c).AppendEmail(nil, r); !isFault(err, "/vars") {
		t.Errorf("%v", err)
	}
	c.Subject = "{{v}}"
	if _, err := mustCompile(t, c).AppendEmail(nil, r); !isFault(err, "/vars") {
		t.Errorf("%v", err)
	}
	c.Text = strings.Repeat("x", maxPart+1)
	if _, err := CompileEmail(c); !isFault(err, "/text") {
		t.Errorf("%v", err)
	}
}

// A mail that grows too long is left off at once: its memory is bounded by one value, not by all of them.
func TestPart_StopsAtTheLimit(t *testing.T) {
	p, err := newCompiler(nil).compilePart("/text", "plain", strings.Repeat("{{v}}", 100), &plainText)
	if err != nil {
		t.Fatal(err)
	}
	const limit = 1000
	value := strings.Repeat("x", 500)
	if n := len(p.append(nil, []string{"", value}, limit)); n <= limit || n > limit+2*len(value) {
		t.Errorf("%d bytes, limit %d", n, limit)
	}
}

func TestAppendEmail_DoesNotAllocate(t *testing.T) {
	c, r := content(), recipient()
	c.Marketing = true
	r.Vars = map[string]string{"name": "Zoë"}
	tpl := mustCompile(t, c)
	buf := make([]byte, 0, 8<<10)
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := tpl.AppendEmail(buf, r); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
