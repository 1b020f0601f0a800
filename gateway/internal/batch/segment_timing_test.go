package batch

import (
	"testing"

	"github.com/klauspost/compress/s2"
)

// One op is one recipient; segments hold 1,000.

func BenchmarkPacker(b *testing.B) {
	list := sampleRecipients(1000)
	var p Packer
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if i == len(list) {
			p.Bytes()
			p.Reset()
			i = 0
		}
		p.Append(list[i])
		i++
	}
}

func BenchmarkSegment(b *testing.B) {
	payload := pack(sampleRecipients(1000)...)
	var s Segment
	b.ReportAllocs()
	i, seen := s.Len(), 0
	for b.Loop() {
		if i == s.Len() {
			if err := s.Open(payload); err != nil {
				b.Fatal(err)
			}
			i = 0
		}
		seen += len(s.At(i).To)
		i++
	}
	b.ReportMetric(float64(len(payload))/1000, "B/recipient")
}

// BenchmarkSegment_S2 shows why payloads are not compressed: the time is for compressing alone, beside the bytes it leaves.
func BenchmarkSegment_S2(b *testing.B) {
	payload := pack(sampleRecipients(1000)...)
	dst := make([]byte, s2.MaxEncodedLen(len(payload)))
	var n int
	for i := 0; b.Loop(); i++ {
		if i%1000 == 0 {
			n = len(s2.Encode(dst, payload))
		}
	}
	b.ReportMetric(float64(n)/1000, "B/recipient")
}
