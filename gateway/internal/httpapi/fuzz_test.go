package httpapi

import "testing"

func FuzzParseDigest(f *testing.F) {
	f.Add(digestOf("x"))
	f.Add("sha-512=:AA==:, " + digestOf("y"))
	f.Add("sha-256=:::")
	f.Fuzz(func(t *testing.T, value string) {
		if d, ok := parseDigest(value); !ok && d != [32]byte{} {
			t.Fatal("a digest that is none")
		}
	})
}
