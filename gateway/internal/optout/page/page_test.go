package page

import (
	"bytes"
	"errors"
	"mime/multipart"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"heed/gateway/internal/optout"
	"heed/gateway/internal/optout/optouttest"
	"heed/suppression"
	"heed/suppression/policy"
)

const (
	urlencoded = "application/x-www-form-urlencoded"
	oneClick   = "List-Unsubscribe=One-Click"
)

var key = suppression.Key{1}

// site is the pages over a list in memory and a clock that stands still.
type site struct {
	*Pages
	t      *testing.T
	list   optouttest.List
	signer *optout.Signer
	now    time.Time
}

func newSite(t *testing.T) *site {
	t.Helper()
	signer, err := optout.NewSigner(bytes.Repeat([]byte("s"), 32))
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, signer: signer, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	s.Pages, err = New(Options{
		Signer: signer,
		Desk:   optout.NewDesk(optout.Options{List: &s.list, Signer: signer}),
		Now:    func() time.Time { return s.now },
		Names:  func(tenant, topic string) (string, string) { return "Ann's <Shop>", "" },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) token(topic string, channel policy.Channel) string {
	return string(s.signer.Append(nil, optout.Token{Tenant: "acme", Channel: channel, Key: key, Topic: topic, Class: policy.Marketing}))
}

func (s *site) do(method, path, contentType, body string) Response {
	return s.Handle(s.t.Context(), Request{Method: method, Path: path, ContentType: contentType, Body: []byte(body)})
}

func (s *site) rows() []suppression.Row {
	s.t.Helper()
	rows, err := s.list.Rows(nil, key)
	if err != nil {
		s.t.Fatal(err)
	}
	return rows
}

func header(r Response, name string) string {
	for _, h := range r.Header {
		if h[0] == name {
			return h[1]
		}
	}
	return ""
}

func multipartOf(t *testing.T, name, value string) (contentType, body string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := errors.Join(w.WriteField(name, value), w.Close()); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.String()
}

func TestPOST_ActsOnAnyBodyWithAGoodToken(t *testing.T) { // RFC 8058 §3.1
	boundary, body := multipartOf(t, "List-Unsubscribe", "One-Click")
	check := func(contentType, body string, want suppression.Source) {
		t.Helper()
		s := newSite(t)
		r := s.do(http.MethodPost, OneClickPath+s.token("weekly", policy.Email), contentType, body)
		rows := s.rows()
		if r.Status != 200 || len(rows) != 1 || rows[0].Reason != policy.UnsubscribeTopic || rows[0].Topic != "weekly" || rows[0].Source != want {
			t.Errorf("%q %q: %d, rows %+v", contentType, body, r.Status, rows)
		}
		if header(r, "Set-Cookie")+header(r, "Location") != "" || len(r.Body) > 200 {
			t.Errorf("%q: cookie, redirect or long answer: %v", contentType, r.Header)
		}
		s = newSite(t)
		if r := s.do(http.MethodPost, ChoicePath+s.token("weekly", policy.Email), contentType, body); r.Status != 200 || len(s.rows()) != 1 {
			t.Errorf("the page, %q %q: %d, rows %+v", contentType, body, r.Status, s.rows())
		}
	}
	check(boundary, body, suppression.ByOneClick)
	check(urlencoded, oneClick, suppression.ByOneClick)
	check(urlencoded+"; charset=UTF-8", oneClick, suppression.ByOneClick)
	check("", "", suppression.ByOneClick)
	check("", oneClick, suppression.ByOneClick)
	check(urlencoded, "something=else", suppression.ByOneClick)
	check(urlencoded, "confirm=page", suppression.ByPage)
	check(urlencoded, "%zz;", suppression.ByOneClick)
	check("text/plain", "hello", suppression.ByOneClick)
	check("multipart/form-data; boundary=x", "--y--", suppression.ByOneClick)
	check("multipart/form-data", body, suppression.ByOneClick)
	check(boundary, strings.Repeat("a", maxBody+1), suppression.ByOneClick)
	check(boundary, "\x1f\x8b\x08\x00cut", suppression.ByOneClick)
	check(urlencoded, strings.Repeat("a=b&", 2*maxFields), suppression.ByOneClick)
	check("\xff; ;=", "\x00\xff", suppression.ByOneClick)
}

func TestPOST_TwiceIsOnce(t *testing.T) { // RFC 9110 §9.2.2 in spirit; RFC 8058 §3.1
	for _, path := range []string{OneClickPath, ChoicePath} {
		s := newSite(t)
		first := s.do(http.MethodPost, path+s.token("", policy.Email), urlencoded, oneClick)
		second := s.do(http.MethodPost, path+s.token("", policy.Email), urlencoded, oneClick)
		if first.Status != 200 || second.Status != 200 || len(s.rows()) != 1 {
			t.Errorf("%s: %d, %d, rows %+v", path, first.Status, second.Status, s.rows())
		}
		if path == OneClickPath && !bytes.Equal(first.Body, second.Body) {
			t.Errorf("one-click tells who had left: %s, %s", first.Body, second.Body)
		}
	}
}

// Whoever presses after another, such as the holder of a forwarded mail, may not take back what the other did.
func TestPage_SecondPressSaysThatOneHadLeftAndOffersNoUndo(t *testing.T) {
	s := newSite(t)
	path := ChoicePath + s.token("weekly", policy.Email)
	s.do(http.MethodPost, OneClickPath+s.token("weekly", policy.Email), urlencoded, oneClick)
	r := s.do(http.MethodPost, path, urlencoded, "confirm=page")
	if r.Status != 200 || !bytes.Contains(r.Body, []byte("already")) || !bytes.Contains(r.Body, []byte(`role="status"`)) || bytes.Contains(r.Body, []byte("<button")) {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

func TestPage_SaysToTheHolderOfTheLinkThatOneHasLeft(t *testing.T) {
	s := newSite(t)
	check := func(topic string, want bool) {
		t.Helper()
		for _, path := range []string{ChoicePath, OneClickPath} {
			r := s.do(http.MethodGet, path+s.token(topic, policy.Email), "", "")
			if r.Status != 200 || r.Err != nil || bytes.Contains(r.Body, []byte("already")) != want || fieldOf(t, r, confirmField) != confirmPage {
				t.Errorf("%s%q: %d %v %s", path, topic, r.Status, r.Err, r.Body)
			}
		}
	}
	check("weekly", false)
	s.do(http.MethodPost, ChoicePath+s.token("weekly", policy.Email), "", "")
	check("weekly", true)
	check("other", false)
	check("", false)
	s.list.Fail(errors.New("disk full"))
	check("weekly", false) // the button is there whatever the list says
}

// A storm of link scanners on every path, with every body, changes nothing.
func TestSafeMethods_ChangeNothing(t *testing.T) { // RFC 8058 §1; RFC 9110 §9.2.1
	s := newSite(t)
	done := s.do(http.MethodPost, ChoicePath+s.token("", policy.Email), "", "")
	applies, _ := s.list.Calls()
	undo := fieldOf(t, done, undoField)
	methods := []string{"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "PROPFIND", "post", ""}
	bodies := []string{"", oneClick, "confirm=page", "undo=" + undo}
	for range 50 {
		for _, method := range methods {
			for _, path := range []string{OneClickPath + s.token("", policy.Email), ChoicePath + s.token("x", policy.SMS), OneClickPath + "junk", UndoPath, StylePath, "/"} {
				for _, body := range bodies {
					s.do(method, path, urlencoded, body)
				}
			}
		}
	}
	if after, _ := s.list.Calls(); after != applies {
		t.Errorf("%d writes", after-applies)
	}
}

func TestForgedToken_NeverReachesTheList(t *testing.T) { // RFC 8058 §3.1
	s := newSite(t)
	good := s.token("weekly", policy.Email)
	check := func(token string, want int) {
		t.Helper()
		for _, path := range []string{OneClickPath, ChoicePath} {
			for _, method := range []string{"GET", "HEAD", "POST"} {
				if r := s.do(method, path+token, urlencoded, oneClick); r.Status != want || r.Err != nil || len(r.Body) == 0 {
					t.Errorf("%s %s%s: %d %v, want %d", method, path, token, r.Status, r.Err, want)
				}
			}
		}
	}
	check("", 400)
	check("v1", 400)
	check(good[:len(good)/2], 400)
	check(good+"/", 400)
	check(good+"?x=y", 400)
	check(good[:len(good)-3]+"AAB", 400) // spare bits set
	check(good[:len(good)-4]+"AAAA", 404)
	check(strings.Replace(good, ".", ".A", 1)[:3]+"AAAAAA"+good[9:], 404)
	if applies, reads := s.list.Calls(); applies+reads != 0 {
		t.Errorf("%d writes, %d reads", applies, reads)
	}
}

func TestListTrouble_IsAskedAgainAndNeverASuccess(t *testing.T) { // P1, P5; RFC 9110 §15.6.4
	s := newSite(t)
	full := errors.New("disk full")
	s.list.Fail(full)
	for _, path := range []string{OneClickPath, ChoicePath} {
		r := s.do(http.MethodPost, path+s.token("", policy.Email), urlencoded, oneClick)
		if r.Status != 503 || header(r, "Retry-After") == "" || !errors.Is(r.Err, full) || bytes.Contains(r.Body, []byte("disk")) {
			t.Errorf("%s: %d %v %v %s", path, r.Status, r.Header, r.Err, r.Body)
		}
	}
}

var field = regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]+)">`)

func fieldOf(t *testing.T, r Response, name string) string {
	t.Helper()
	m := field.FindSubmatch(r.Body)
	if m == nil || string(m[1]) != name {
		t.Fatalf("no field %s in %s", name, r.Body)
	}
	return string(m[2])
}

// The whole way of a person: link, button, done, undo.
func TestPage_ButtonThenUndo(t *testing.T) {
	s := newSite(t)
	path := ChoicePath + s.token("weekly", policy.Email)
	for _, link := range []string{path, OneClickPath + s.token("weekly", policy.Email)} {
		if ask := s.do(http.MethodGet, link, "", ""); fieldOf(t, ask, confirmField) != confirmPage || !bytes.Contains(ask.Body, []byte(`method="post" action="`+path+`"`)) {
			t.Fatalf("%s", ask.Body)
		}
	}
	done := s.do(http.MethodPost, path, urlencoded, "confirm=page")
	if rows := s.rows(); done.Status != 200 || len(rows) != 1 || rows[0].Source != suppression.ByPage {
		t.Fatalf("%d, rows %+v", done.Status, rows)
	}
	if !bytes.Contains(done.Body, []byte("weekly")) || !bytes.Contains(done.Body, []byte("takes effect now")) || !bytes.Contains(done.Body, []byte(`role="status"`)) {
		t.Errorf("%s", done.Body)
	}
	contentType, body := multipartOf(t, undoField, fieldOf(t, done, undoField))
	if r := s.do(http.MethodPost, UndoPath, contentType, body); r.Status != 200 || len(s.rows()) != 0 {
		t.Errorf("undo: %d, rows %+v", r.Status, s.rows())
	}
}

func TestUndo_AnswersByItsFault(t *testing.T) {
	s := newSite(t)
	stop := func() string {
		return fieldOf(t, s.do(http.MethodPost, ChoicePath+s.token("", policy.Email), "", ""), undoField)
	}
	check := func(body string, want int) {
		t.Helper()
		before := len(s.rows())
		if r := s.do(http.MethodPost, UndoPath, urlencoded, body); r.Status != want || len(s.rows()) != before {
			t.Errorf("%s: %d, want %d; %d rows, before %d", body, r.Status, want, len(s.rows()), before)
		}
	}
	early := stop()
	check("undo=", 400)
	check("", 400)
	check("%zz", 400)
	check("undo=AAAAAA."+early[7:], 404)
	s.now = s.now.Add(optout.DefaultUndoLife + time.Second)
	check("undo="+early, 410)
	s = newSite(t)
	first := stop()
	s.do(http.MethodPost, OneClickPath+s.token("", policy.Email), urlencoded, oneClick)
	check("undo="+first, 409)
	s.list.Fail(errors.New("disk full"))
	r := s.do(http.MethodPost, UndoPath, urlencoded, "undo="+first)
	if r.Status != 503 || r.Err == nil {
		t.Errorf("undone without the list: %d %v", r.Status, r.Err)
	}
}

func TestHeaders_OnEveryPage(t *testing.T) { // CSP 3, Referrer Policy, RFC 9111 §5.2.2.5
	s := newSite(t)
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
		"Referrer-Policy":         "no-referrer",
		"Cache-Control":           "no-store",
		"X-Robots-Tag":            "noindex",
		"X-Content-Type-Options":  "nosniff",
	}
	for _, method := range []string{"GET", "POST", "PUT"} {
		for _, path := range []string{OneClickPath, ChoicePath, OneClickPath + s.token("", policy.Email), ChoicePath + s.token("", policy.Email), UndoPath, "/else"} {
			r := s.do(method, path, "", "")
			for name, value := range want {
				if header(r, name) != value {
					t.Errorf("%s %s: %s is %q", method, path, name, header(r, name))
				}
			}
			if bytes.Contains(bytes.ToLower(r.Body), []byte("<script")) || bytes.Contains(r.Body, []byte("://")) || len(r.Body) > 20<<10 {
				t.Errorf("%s %s: script, foreign address or too large: %s", method, path, r.Body)
			}
		}
	}
}

func TestAllow_NamesTheMethods(t *testing.T) { // RFC 9110 §15.5.6
	s := newSite(t)
	check := func(method, path, allow string, status int) {
		t.Helper()
		if r := s.do(method, path, "", ""); r.Status != status || header(r, "Allow") != allow {
			t.Errorf("%s %s: %d %q", method, path, r.Status, header(r, "Allow"))
		}
	}
	check("OPTIONS", "/u/x", "GET, HEAD, OPTIONS, POST", 204)
	check("DELETE", "/p/x", "GET, HEAD, OPTIONS, POST", 405)
	check("GET", UndoPath, "OPTIONS, POST", 405)
	check("POST", StylePath, "GET, HEAD, OPTIONS", 405)
	check("GET", "/assets/other.css", "", 404)
}

func TestPage_EscapesNames(t *testing.T) {
	s := newSite(t)
	r := s.do(http.MethodGet, ChoicePath+s.token(`"><b>{brand}`, policy.Email), "", "")
	if bytes.Contains(r.Body, []byte("<b>")) || bytes.Contains(r.Body, []byte("<Shop>")) || !bytes.Contains(r.Body, []byte("&lt;Shop&gt;")) {
		t.Errorf("%s", r.Body)
	}
}

func TestPage_IsOneHeadingAndOneButton(t *testing.T) { // WCAG 2.2: 1.3.1, 3.1.1
	for _, channel := range []policy.Channel{policy.Email, policy.SMS} {
		for _, topic := range []string{"", "weekly"} {
			s := newSite(t)
			ask := string(s.do(http.MethodGet, ChoicePath+s.token(topic, channel), "", "").Body)
			done := string(s.do(http.MethodPost, ChoicePath+s.token(topic, channel), "", "").Body)
			left := string(s.do(http.MethodGet, ChoicePath+s.token(topic, channel), "", "").Body)
			for _, body := range []string{ask, done, left} {
				if strings.Count(body, "<h1") != 1 || strings.Count(body, "<button") != 1 || !strings.Contains(body, `<html lang="en" dir="ltr">`) {
					t.Errorf("%s", body)
				}
				if strings.Contains(body, "{") || strings.Contains(body, "<p></p>") || strings.Contains(body, "style=") {
					t.Errorf("a message is missing or not filled in: %s", body)
				}
			}
		}
	}
}

// Each key that the code asks for stands in each language, and no other.
func TestMessages_AreComplete(t *testing.T) {
	l, err := newLanguages()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"lang", "dir", "ask.button", "ask.note", "left.heading", "done.heading", "done.note", "done.button"}
	for _, kind := range []string{"email", "sms"} {
		want = append(want, "ask."+kind)
		for _, scope := range []string{"topic", "all"} {
			want = append(want, "ask."+kind+"."+scope, "left."+kind+"."+scope, "done."+kind+"."+scope)
		}
	}
	want = append(want, "undone.heading", "undone.text")
	for _, err := range []error{optout.ErrMalformed, optout.ErrForged, optout.ErrExpired, optout.ErrStands, errors.New("other")} {
		_, name := statusOf(err)
		want = append(want, name+".heading", name+".text")
	}
	for _, m := range l.all {
		for _, k := range want {
			if m[k] == "" {
				t.Errorf("%s: %s is missing", m["lang"], k)
			}
		}
		for k := range m {
			if !slices.Contains(want, k) {
				t.Errorf("%s: nothing asks for %s", m["lang"], k)
			}
		}
	}
}

func TestLanguage_BrokenWishesGetTheDefault(t *testing.T) { // RFC 9110 §12.5.4
	l, err := newLanguages()
	if err != nil {
		t.Fatal(err)
	}
	for _, accept := range []string{"", "en-GB,en;q=0.9", "tlh", "*", ";;;q=", "\x00\xff", strings.Repeat("a-", 1000)} {
		if got := l.choose(accept)["lang"]; got != defaultLanguage {
			t.Errorf("%q: %q", accept, got)
		}
	}
}

func FuzzParseForm(f *testing.F) {
	f.Add(urlencoded, []byte(oneClick))
	f.Add(urlencoded, []byte("undo=a%2Eb&confirm=page&confirm=other"))
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n"))
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"undo\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=\r\n--b"))
	f.Add("text/plain", []byte(oneClick))
	f.Add("", []byte{})
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		form, err := ParseForm(contentType, body)
		if err != nil && (form != nil || !errors.Is(err, ErrForm)) {
			t.Errorf("%v with %v", form, err)
		}
		if len(form) > maxFields {
			t.Errorf("%d fields", len(form))
		}
		for _, value := range form {
			if len(value) > maxValue {
				t.Errorf("a value of %d bytes", len(value))
			}
		}
	})
}

func FuzzChoose(f *testing.F) {
	l, err := newLanguages()
	if err != nil {
		f.Fatal(err)
	}
	for _, accept := range []string{"", "en-GB,en;q=0.9", "ar, *;q=0.1", "x-private", "\x00;q=2"} {
		f.Add(accept)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		if m := l.choose(accept); m["lang"] == "" {
			t.Errorf("%q: no language", accept)
		}
	})
}
