package sandbox

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const alternative = "From: =?utf-8?q?Caf=C3=A9?= <news@example.com>\r\nTo: ann@example.org\r\nSubject: =?utf-8?b?SGVsbG8g4pyT?=\r\n" +
	"List-Unsubscribe: <mailto:out@example.com>,\r\n <http://127.0.0.1:8080/u/v1.abc>, <https://evil.example/u>\r\n" +
	"MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nLeave: http://127.0.0.1:8080/u/v1=\r\n.abc caf=C3=A9\r\n" +
	"--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+Ym9sZDwvYj4=\r\n--b--\r\n"

func TestReadMail_IsDecoded(t *testing.T) {
	l := readMail([]byte(alternative))
	if l.Text != "Leave: http://127.0.0.1:8080/u/v1.abc café" || l.HTML != "<b>bold</b>" {
		t.Errorf("%q, %q", l.Text, l.HTML)
	}
	if !slices.Contains(l.Fields, field{"Subject", "Hello ✓"}) || !slices.Contains(l.Fields, field{"From", "Café <news@example.com>"}) {
		t.Errorf("%q", l.Fields)
	}
	if !slices.Equal(l.Unsubscribe, []string{"http://127.0.0.1:8080/u/v1.abc"}) {
		t.Errorf("%q", l.Unsubscribe)
	}
}

func TestReadMail_TakesTheFirstPartsThatAreShown(t *testing.T) {
	check := func(mail, text, html string) {
		t.Helper()
		if l := readMail([]byte(strings.ReplaceAll(mail, "\n", "\r\n"))); l.Text != text || l.HTML != html {
			t.Errorf("%q: %q, %q", mail, l.Text, l.HTML)
		}
	}
	check("Subject: x\n\nplain", "plain", "")
	check("no mail at all", "no mail at all", "")
	check("", "", "")
	check("Content-Type: text/html\n\n<p>", "", "<p>")
	check("Content-Type: text/plain; charset=ISO-8859-1\n\ncaf\xe9", "café", "")
	check("Content-Type: nonsense;;=\n\nx", "x", "")
	check("Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\nin\n--b--\n--a\n\nlater\n--a--\n", "in", "")
	check("Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Disposition: attachment\n\nfile\n--a\n\ntext\n--a--\n", "text", "")
	check("Content-Transfer-Encoding: base64\n\neA==!!", "x", "")
}

func TestReadMail_IsBounded(t *testing.T) {
	long := readMail([]byte("Subject: " + strings.Repeat("s", 9000) + "\r\n\r\n" + strings.Repeat("x", maxShown+9)))
	if len(long.Text) > maxShown+4 || len(long.Fields[0].Value) > maxField+4 {
		t.Errorf("%d, %d bytes", len(long.Text), len(long.Fields[0].Value))
	}
	many := readMail([]byte("Content-Type: multipart/mixed; boundary=a\r\n\r\n" + strings.Repeat("--a\r\nContent-Type: x/y\r\n\r\n\r\n", 10*maxParts) + "--a--\r\n"))
	if many.parts != maxParts {
		t.Errorf("%d parts", many.parts)
	}
}

func TestLocalPages_LeadNowhereElse(t *testing.T) {
	check := func(v string, want ...string) {
		t.Helper()
		if got := localPages(v); !slices.Equal(got, want) {
			t.Errorf("%s: %q", v, got)
		}
	}
	check("<http://127.0.0.1:8080/u/x>, <https://localhost/u>, <http://[::1]:9/u>", "http://127.0.0.1:8080/u/x", "https://localhost/u", "http://[::1]:9/u")
	check("<https://example.com/u>, <http://localhost.example.com/>, <http://127.0.0.1.example.com/>, <http://localhost@example.com/>")
	check("<http://me@localhost/>, <javascript:alert(1)>, <javascript://localhost/%0aalert(1)>, http://localhost/, <//localhost/>, <mailto:a@localhost>, <http://[>")
}

func FuzzReadMail(f *testing.F) {
	f.Add([]byte(alternative))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a--\r\n"))
	f.Add([]byte("Content-Transfer-Encoding: quoted-printable\nSubject: =?utf-8?q?=?=\n\n=\n=x"))
	f.Add([]byte("List-Unsubscribe: <http://127.0.0.1/%zz>\n\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l := readMail(raw)
		all := l.Text + l.HTML + strings.Join(l.Unsubscribe, "")
		for _, h := range l.Fields {
			all += h.Value
		}
		if !utf8.ValidString(all) || l.parts > maxParts {
			t.Errorf("%q of %d parts", all, l.parts)
		}
		for _, p := range l.Unsubscribe {
			if !strings.HasPrefix(p, "http://") && !strings.HasPrefix(p, "https://") {
				t.Errorf("%q", p)
			}
		}
	})
}
