package wire

import (
	"io"
	"sync"
	"sync/atomic"
	"time"

	"heed/gateway/internal/httpapi/problem"
)

// Memory bounds what all bodies that are held at one time may take together, so that many large bodies are answered with 503, not
// with the end of the process. Safe for concurrent use.
type Memory struct {
	free atomic.Int64
	pool sync.Pool // *Buffer
}

// Buffer is a body in memory. Its bytes are reused after Release. For one goroutine.
type Buffer struct {
	B    []byte
	held int64
}

const (
	smallest    = 64 << 10
	firstBuffer = 256 << 10
)

// NewMemory makes room for so many bytes.
func NewMemory(bytes int64) *Memory {
	m := &Memory{pool: sync.Pool{New: func() any { return &Buffer{} }}}
	m.free.Store(bytes)
	return m
}

// Free is how many bytes may still be taken.
func (m *Memory) Free() int64 { return m.free.Load() }

// Take gives an empty buffer with room for n bytes. Error: a *problem.Problem, 503.
func (m *Memory) Take(n int) (*Buffer, error) {
	b := m.pool.Get().(*Buffer)
	if !m.reserve(b, int64(cap(b.B))) {
		return nil, busy()
	}
	b.B = b.B[:0]
	if err := m.grow(b, n); err != nil {
		m.Release(b)
		return nil, err
	}
	return b, nil
}

// grow makes room for n more bytes.
func (m *Memory) grow(b *Buffer, n int) error {
	if cap(b.B)-len(b.B) >= n {
		return nil
	}
	size := max(2*cap(b.B), len(b.B)+n, smallest)
	if !m.reserve(b, int64(size-cap(b.B))) {
		return busy()
	}
	bigger := make([]byte, len(b.B), size)
	copy(bigger, b.B)
	b.B = bigger
	return nil
}

func (m *Memory) reserve(b *Buffer, n int64) bool {
	if m.free.Add(-n) < 0 {
		m.free.Add(n)
		return false
	}
	b.held += n
	return true
}

// Fill reads r to its end into b. Memory grows with what has come, not with what was announced. Errors: r's, or a 503.
func (m *Memory) Fill(b *Buffer, r io.Reader) error {
	for {
		if len(b.B) == cap(b.B) {
			if err := m.grow(b, firstBuffer); err != nil {
				return err
			}
		}
		n, err := r.Read(b.B[len(b.B):cap(b.B)])
		b.B = b.B[:len(b.B)+n]
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Release gives the buffer back. Nobody may hold on to its bytes; builds with the tag invariants overwrite them to prove it.
func (m *Memory) Release(b *Buffer) {
	if invariants {
		for i := range b.B[:cap(b.B)] {
			b.B[:cap(b.B)][i] = 0xdb
		}
	}
	m.free.Add(b.held)
	b.held = 0
	m.pool.Put(b)
}

// busy is the answer when bodies take all the memory they may.
func busy() *problem.Problem {
	p := problem.New("busy", "The bodies in hand take all the memory they may; try again in a moment.")
	p.RetryAfter = time.Second
	return p
}
