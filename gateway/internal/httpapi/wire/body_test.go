package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"

	"heed/gateway/internal/httpapi/problem"

	"github.com/klauspost/compress/gzip"
)

// read opens and reads a body whose bytes are these.
func read(t *testing.T, raw []byte, length int64, coding string, limit int64) (got []byte, code string) {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	b, err := Open(Source{From: iotest.HalfReader(bytes.NewReader(raw)), Conn: &Conn{Conn: near}, Length: length, Coding: coding}, limit)
	defer b.Release()
	if err == nil {
		got, err = io.ReadAll(b)
	}
	if err == nil {
		if !b.Ended() || b.Failed() {
			t.Fatal("a whole body has not ended")
		}
		return got, ""
	}
	var p *problem.Problem
	if !errors.As(err, &p) {
		t.Fatalf("%v is no problem", err)
	}
	return got, p.Code
}

func TestBody_IsWholeOrAProblem(t *testing.T) {
	check := func(raw, coding string, length, limit int64, code string) {
		t.Helper()
		if got, c := read(t, []byte(raw), length, coding, limit); c != code || c == "" && string(got) != raw {
			t.Errorf("%q of %d: %q, %s", raw, length, got, c)
		}
	}
	check("hello", "", 5, 5, "")
	check("hello", "identity", -1, 5, "")
	check("hello", "", 6, 0, "body_truncated")
	check("hello", "", 5, 4, "body_too_large")
	check("hello", "", -1, 4, "body_too_large")
	check("hello", "br", 5, 0, "unsupported_media_type")
	check("hello", "gzip", 5, 0, "bad_encoding")
	check("hello", "zstd", 5, 0, "bad_encoding")
	check("", "gzip", 0, 0, "bad_encoding")
}

// Whatever the bytes, what is read as gzip is what the library reads, and no more than the limit.
func FuzzBody_Gzip(f *testing.F) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, strings.Repeat("hello ", 100))
	z.Close()
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:len(b.Bytes())-4])
	f.Add(append(bytes.Clone(b.Bytes()), 'x'))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		const limit = 1 << 16
		got, code := read(t, raw, int64(len(raw)), "gzip", limit)
		if len(got) > limit {
			t.Fatalf("%d bytes", len(got))
		}
		if code != "" {
			return
		}
		want, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := io.ReadAll(want); err != nil || !bytes.Equal(plain, got) {
			t.Fatalf("%d bytes, want %d, %v", len(got), len(plain), err)
		}
	})
}

func TestMemory_IsBoundedAndComesBack(t *testing.T) {
	m := NewMemory(1 << 20)
	first, err := m.Take(600<<10, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Take(600<<10, nil); err == nil {
		t.Fatal("more was given than there is")
	}
	if err := first.Fill(strings.NewReader(strings.Repeat("x", 2<<20))); err == nil {
		t.Fatal("a body grew over the bound")
	}
	first.Release()
	if m.Free() != 1<<20 {
		t.Fatalf("%d bytes free", m.Free())
	}
}

// A pooled buffer of a large body must not be lent, and charged, for a small one.
func TestMemory_ASmallBodyIsLentASmallBuffer(t *testing.T) {
	m := NewMemory(64 << 20)
	big, err := m.Take(16<<20, nil)
	if err != nil {
		t.Fatal(err)
	}
	big.Release()
	small, err := m.Take(Reserved, nil)
	if err != nil || cap(small.B) != Reserved || m.Free() != 64<<20-Reserved {
		t.Fatalf("%d bytes lent, %d free, %v", cap(small.B), m.Free(), err)
	}
}

func TestReserve_IsNotForBodiesThatOutgrowIt(t *testing.T) {
	bulk := NewMemory(1 << 20)
	reserve := NewReserve(2*Reserved, bulk)
	exact, err := reserve.Take(0, nil)
	if err == nil {
		err = exact.Fill(strings.NewReader(strings.Repeat("x", Reserved)))
	}
	if err != nil || bulk.Free() != 1<<20 || reserve.Free() != Reserved {
		t.Fatalf("a body that just fits: %v, %d and %d free", err, bulk.Free(), reserve.Free())
	}
	grown, err := reserve.Take(0, nil)
	if err == nil {
		err = grown.Fill(strings.NewReader(strings.Repeat("x", Reserved+1)))
	}
	if err != nil || len(grown.B) != Reserved+1 || reserve.Free() != Reserved || bulk.Free() != 1<<20-2*Reserved {
		t.Fatalf("a body that does not fit: %v, %d and %d free", err, bulk.Free(), reserve.Free())
	}
	exact.Release()
	grown.Release()
	if reserve.Free() != 2*Reserved || bulk.Free() != 1<<20 {
		t.Fatalf("not all came back: %d and %d", reserve.Free(), bulk.Free())
	}
}

func TestShare_BoundsWhatOneClientHolds(t *testing.T) {
	m := NewMemory(1 << 20)
	mine, other := &Share{Most: 512 << 10}, &Share{Most: 512 << 10}
	first, err := m.Take(512<<10, mine)
	if err != nil {
		t.Fatal(err)
	}
	var p *problem.Problem
	if _, err := m.Take(Reserved, mine); !errors.As(err, &p) || p.Code != "rate_limited" {
		t.Fatalf("over its share: %v", err)
	}
	if _, err := m.Take(512<<10, other); err != nil {
		t.Fatalf("another's share: %v", err)
	}
	first.Release()
	if _, err := m.Take(512<<10, mine); err != nil {
		t.Fatalf("after the release: %v", err)
	}
}
