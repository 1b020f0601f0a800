package policy

import "testing"

func BenchmarkDecide(b *testing.B) {
	table := Default()
	q := Query{Channel: Email, Class: Marketing, Topic: "news/sport", Now: now}
	rows := []Row{{Reason: UnsubscribeTopic, Topic: "news"}, {Reason: Complaint}, {Reason: UnsubscribeAll}}
	b.ReportAllocs()
	for b.Loop() {
		table.Decide(q, rows)
	}
}
