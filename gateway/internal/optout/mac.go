package optout

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"
)

// tagSize is HMAC-SHA-256 truncated to 128 bits (RFC 2104 §5 allows half of the digest).
const tagSize = 16

type tag [tagSize]byte

// mac authenticates texts under one derived key. Its hash states are pooled: neither sum nor valid allocates.
type mac struct{ states sync.Pool }

type macState struct {
	hash.Hash
	sum [sha256.Size]byte
}

func newMAC(key []byte) *mac {
	return &mac{states: sync.Pool{New: func() any {
		return &macState{Hash: hmac.New(sha256.New, key)}
	}}}
}

func (m *mac) sum(text []byte) tag {
	s := m.states.Get().(*macState)
	defer m.states.Put(s)
	s.Reset()
	s.Write(text)
	return tag(s.Sum(s.sum[:0])[:tagSize])
}

// valid compares in constant time.
func (m *mac) valid(text []byte, given tag) bool {
	want := m.sum(text)
	return hmac.Equal(want[:], given[:])
}
