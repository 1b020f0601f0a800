package message

import (
	"bytes"
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
