package batchjson

import "testing"

// BenchmarkBatch: one op is one recipient. The copy that restores the body is part of the time, as the read from a socket is.
func BenchmarkBatch(b *testing.B) {
	const n = 1000
	body := campaign(n)
	work := make([]byte, len(body))
	var d Decoder
	b.ReportAllocs()
	b.SetBytes(int64(len(body) / n))
	for i := 0; i < b.N; i += n {
		copy(work, body)
		if err := d.Batch(work, limits); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLine: one op is one recipient line of an NDJSON body.
func BenchmarkLine(b *testing.B) {
	line := []byte(`{"to":"first.last42@example.org","vars":{"name":"Ann","code":"X000042"},"client_ref":"42"}`)
	var d Decoder
	b.ReportAllocs()
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		d.Recipients = d.Recipients[:0]
		if err := d.Line(line, 2, limits); err != nil {
			b.Fatal(err)
		}
	}
}
