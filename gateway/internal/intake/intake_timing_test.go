package intake

import "testing"

// BenchmarkAccept: one op is one recipient of a call of 1,000, without the list's and the queue's own cost; one in twenty is suppressed.
func BenchmarkAccept(b *testing.B) {
	const n = 1000
	f := accepting(b)
	r, s := campaign(n), mail()
	s.Subject = "Hi {{name}}"
	b.ReportAllocs()
	for i := 0; i < b.N; i += n {
		if _, err := f.Accept(b.Context(), f.call, s, r); err != nil {
			b.Fatal(err)
		}
	}
}
