package address

import "testing"

func BenchmarkAppendEmail(b *testing.B) {
	for _, c := range []struct{ name, addr string }{
		{"plain", "Ann.Smith+news@mail.Example.org"},
		{"quoted", `"Ann Smith"@example.org`},
		{"idn", "ann@bücher.example"},
	} {
		b.Run(c.name, func(b *testing.B) {
			dst, addr := make([]byte, 0, 64), []byte(c.addr)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := AppendEmail(dst, addr); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendPhone(b *testing.B) {
	for _, c := range []struct{ name, number, region string }{{"e164", "+4790000000", ""}, {"national", "07911 123456", "GB"}} {
		b.Run(c.name, func(b *testing.B) {
			dst, number := make([]byte, 0, 64), []byte(c.number)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := AppendPhone(dst, number, c.region); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendKeys(b *testing.B) {
	for _, form := range []string{"ann.smith@example.org", "ann.smith+news@gmail.com", "+4790000000"} {
		b.Run(form[len(form)-5:], func(b *testing.B) {
			k, room, form := NewKeyer(secret, "acme", "email"), make([]Key, 0, 2), []byte(form)
			b.ReportAllocs()
			for b.Loop() {
				k.AppendKeys(room, form, true)
			}
		})
	}
}
