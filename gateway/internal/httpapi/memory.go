package httpapi

import (
	"sync"
	"sync/atomic"
)

// memory bounds what all bodies that are held at one time may take together, so that many large bodies are answered with 503, not
// with the end of the process.
type memory struct {
	free atomic.Int64
	pool sync.Pool // *buffer
}

// buffer is a body in memory. Its bytes are reused after release.
type buffer struct {
	b    []byte
	held int64
}

func newMemory(bytes int64) *memory {
	m := &memory{pool: sync.Pool{New: func() any { return &buffer{} }}}
	m.free.Store(bytes)
	return m
}

// take gives an empty buffer, or a 503.
func (m *memory) take() (*buffer, error) {
	b := m.pool.Get().(*buffer)
	if !m.reserve(b, int64(cap(b.b))) {
		return nil, errBusy
	}
	b.b = b.b[:0]
	return b, nil
}

// grow makes room for n more bytes, or gives a 503.
func (m *memory) grow(b *buffer, n int) error {
	if cap(b.b)-len(b.b) >= n {
		return nil
	}
	size := max(2*cap(b.b), len(b.b)+n, 64<<10)
	if !m.reserve(b, int64(size-cap(b.b))) {
		return errBusy
	}
	bigger := make([]byte, len(b.b), size)
	copy(bigger, b.b)
	b.b = bigger
	return nil
}

func (m *memory) reserve(b *buffer, n int64) bool {
	if m.free.Add(-n) < 0 {
		m.free.Add(n)
		return false
	}
	b.held += n
	return true
}

// release gives the buffer back. Nobody may hold on to its bytes; builds with the tag invariants overwrite them to prove it.
func (m *memory) release(b *buffer) {
	if invariants {
		for i := range b.b[:cap(b.b)] {
			b.b[:cap(b.b)][i] = 0xdb
		}
	}
	m.free.Add(b.held)
	b.held = 0
	m.pool.Put(b)
}

// errBusy is the answer when bodies take all the memory they may.
var errBusy = func() *problem {
	p := refuse("busy", "The bodies in hand take all the memory they may; try again in a moment.")
	p.retryAfter = 1e9
	return p
}()
