package message

import (
	"strings"
	"testing"
)

// One op is one message.

// sized is a mail of about n bytes as rendered, with a handful of variables in text and HTML.
func sized(n int) (Content, Recipient) {
	c, r := content(), recipient()
	filler := strings.Repeat("<p>The shop around the corner is open from nine to five.</p>\r\n", 1+max(0, n-900)/120)
	c.Marketing = true
	c.Text = "Hi {{name}},\r\n" + strings.NewReplacer("<p>", "", "</p>", "").Replace(filler) + "\r\n{{unsubscribe_url}}\r\n"
	c.HTML = `<h1>Hi {{name | default: "there"}}</h1>` + filler + `<p><a href="{{unsubscribe_url}}">Unsubscribe</a></p>`
	r.Vars = map[string]string{"name": "Ann"}
	return c, r
}

func BenchmarkAppendEmail(b *testing.B) {
	for _, size := range []int{1 << 10, 2 << 10} {
		c, r := sized(size)
		t := mustCompile(b, c)
		buf := make([]byte, 0, 16<<10)
		b.Run(sizeName(size), func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				mail, err := t.AppendEmail(buf, r)
				if err != nil {
					b.Fatal(err)
				}
				n = len(mail)
			}
			b.ReportMetric(float64(n), "B/mail")
		})
	}
}

func sizeName(n int) string {
	if n == 1<<10 {
		return "1KiB"
	}
	return "2KiB"
}

func BenchmarkSigner(b *testing.B) {
	for _, kind := range []string{Ed25519, RSA} {
		s, err := NewSigner([]SigningKey{testKey(b, kind)})
		if err != nil {
			b.Fatal(err)
		}
		for _, size := range []int{1 << 10, 2 << 10} {
			c, r := sized(size)
			mail := mustRender(b, c, r)
			buf := make([]byte, 0, 32<<10)
			b.Run(kind+"/"+sizeName(size), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := s.AppendSigned(buf, mail); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
