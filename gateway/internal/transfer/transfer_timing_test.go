package transfer

import (
	"io"
	"strings"
	"testing"

	"heed/suppression/policy"
)

// One op is one row, from bytes to changes.
func BenchmarkImporter(b *testing.B) {
	for _, c := range []struct{ name, head, row string }{
		{"csv", "address,reason,at\n", "ann.smith@example.org,unsubscribe_all,2026-01-31T12:00:00Z\n"},
		{"csv_family", "address,reason,at\n", "ann.smith+x@gmail.com,unsubscribe_all,2026-01-31T12:00:00Z\n"},
		{"ndjson", "", `{"address":"ann.smith@example.org","reason":"unsubscribe_all","at":"2026-01-31T12:00:00Z"}` + "\n"},
		{"phone", "address,reason,channel\n", "+4790000000,sms_stop,sms\n"},
	} {
		b.Run(c.name, func(b *testing.B) {
			file := strings.NewReader(c.head + strings.Repeat(c.row, 100_000))
			s := &Status{Tenant: "acme", Defaults: Defaults{Format: Heed, Channel: policy.Email}}
			var i *importer
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if n%batchRows != 0 {
					continue
				}
				if i == nil || i.reader.Mark().Offset > file.Size()/2 {
					file.Seek(0, io.SeekStart)
					i, _ = newImporter(s, file, secret)
				}
				if err := i.batch(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
