package wire

import (
	"io"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"heed/gateway/internal/httpapi/problem"
)

// Memory bounds what all bodies that are held at one time may take together, so that many large bodies are answered with 503, not
// with the end of the process. Safe for concurrent use.
type Memory struct {
	free     atomic.Int64
	overflow *Memory // takes the bodies that outgrow reserved; nil: nobody does
}

// Share is what one client holds of a Memory, and may. Safe for concurrent use.
type Share struct {
	held atomic.Int64
	Most int64
}

// Buffer is a body in memory. Its bytes are reused after Release. For one goroutine.
type Buffer struct {
	B     []byte
	block *[]byte // all of what B lies in, as the pool has it
	home  *Memory
	share *Share
	probe [64]byte
}

// Reserved is the size of every buffer of a reserve.
const Reserved = 64 << 10

// NewMemory makes room for so many bytes.
func NewMemory(bytes int64) *Memory {
	m := &Memory{}
	m.free.Store(bytes)
	return m
}

// NewReserve makes room for small bodies that the bodies in overflow cannot take. A body that outgrows Reserved moves over to overflow.
func NewReserve(bytes int64, overflow *Memory) *Memory {
	m := NewMemory(bytes)
	m.overflow = overflow
	return m
}

// Free is how many bytes may still be taken.
func (m *Memory) Free() int64 { return m.free.Load() }

// Take gives an empty buffer with room for n bytes, on account of a share if there is one. Error: a *problem.Problem, 503 or 429.
func (m *Memory) Take(n int, share *Share) (*Buffer, error) {
	b := &Buffer{home: m, share: share}
	if m.overflow != nil {
		n = max(n, Reserved)
	}
	if err := b.grow(n); err != nil {
		return nil, err
	}
	return b, nil
}

// grow makes room for n bytes in all.
func (b *Buffer) grow(n int) error {
	class := classOf(n)
	size := int64(smallest << class)
	home := b.home
	if home.overflow != nil && size > Reserved {
		home = home.overflow
	}
	if err := home.reserve(b.share, size); err != nil {
		return err
	}
	block := pools[class].Get().(*[]byte)
	n = copy(*block, b.B)
	b.Release()
	b.B, b.block, b.home = (*block)[:n], block, home
	return nil
}

func (m *Memory) reserve(share *Share, n int64) error {
	if share != nil && m.overflow == nil && share.held.Add(n) > share.Most {
		share.held.Add(-n)
		return tooMuch()
	}
	if m.free.Add(-n) < 0 {
		m.free.Add(n)
		m.repay(share, n)
		return busy()
	}
	return nil
}

func (m *Memory) repay(share *Share, n int64) {
	if share != nil && m.overflow == nil {
		share.held.Add(-n)
	}
}

// Fill reads r to its end into b. Memory grows with what has come, not with what was announced. Errors: r's, or Take's.
func (b *Buffer) Fill(r io.Reader) error {
	for {
		space := b.B[len(b.B):cap(b.B)]
		if len(space) == 0 {
			space = b.probe[:] // only what does come asks for more room
		}
		n, err := r.Read(space)
		if n > cap(b.B)-len(b.B) {
			if err := b.grow(2 * cap(b.B)); err != nil {
				return err
			}
		}
		b.B = append(b.B, space[:n]...)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Release gives the buffer back. Nobody may hold on to its bytes; builds with the tag invariants overwrite them to prove it.
func (b *Buffer) Release() {
	if b.block == nil {
		return
	}
	whole := *b.block
	if invariants {
		for i := range whole {
			whole[i] = 0xdb
		}
	}
	b.home.free.Add(int64(len(whole)))
	b.home.repay(b.share, int64(len(whole)))
	pools[classOf(len(whole))].Put(b.block)
	b.B, b.block = nil, nil
}

// Buffers are reused by size: what is lent for a small body is small.
const (
	smallest = 8 << 10
	classes  = 24 // up to 64 GiB, which no configuration allows
)

var pools = func() *[classes]sync.Pool {
	var p [classes]sync.Pool
	for class := range p {
		p[class].New = func() any {
			block := make([]byte, smallest<<class)
			return &block
		}
	}
	return &p
}()

// classOf is the pool whose buffers hold n bytes.
func classOf(n int) int { return bits.Len(uint(max(n, 1)-1) / smallest) }

// busy is the answer when bodies take all the memory they may.
func busy() *problem.Problem {
	p := problem.New("busy", "The bodies in hand take all the memory they may; try again in a moment.")
	p.RetryAfter = time.Second
	return p
}

// tooMuch is the answer when the bodies of one key take all that it may have.
func tooMuch() *problem.Problem {
	p := problem.New("rate_limited", "The bodies that this key sends at once take all the memory that one key may have; send fewer or smaller ones at once.")
	p.RetryAfter = time.Second
	return p
}
