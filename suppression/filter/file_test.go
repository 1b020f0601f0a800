package filter

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/zeebo/xxh3"
)

var label = Label{Store: [16]byte{1}, Secret: [16]byte{2}, Position: 3, History: 4}

func anyLabel(Label) error { return nil }

func encode(t testing.TB, f *Filter) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f.Save(&b, label); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(b []byte) (*Filter, error) { return Read(bytes.NewReader(b), int64(len(b)), anyLabel) }

func TestFile_ReadsBackWhatWasWritten(t *testing.T) {
	for _, n := range []int{1, 100, 100_000} {
		f, keys := filled(t, n, 1)
		var got Label
		b := encode(t, f)
		back, err := Read(bytes.NewReader(b), int64(len(b)), func(l Label) error { got = l; return nil })
		if err != nil {
			t.Fatal(err)
		}
		if got != label || back.Len() != f.Len() || back.geometry != f.geometry {
			t.Fatalf("label %v, len %d, shape %v; wrote %v, %d, %v", got, back.Len(), back.geometry, label, f.Len(), f.geometry)
		}
		for _, k := range keys {
			if !back.Test(k) {
				t.Fatal("a key is lost")
			}
		}
	}
}

func TestFile_EveryFlippedBitIsNoticed(t *testing.T) {
	f, _ := filled(t, 30, 2)
	b := encode(t, f)
	for bit := range 8 * len(b) {
		b[bit/8] ^= 1 << (bit % 8)
		if _, err := read(b); !errors.Is(err, ErrFile) {
			t.Fatalf("bit %d flipped: %v", bit, err)
		}
		b[bit/8] ^= 1 << (bit % 8)
	}
}

func TestFile_EveryOtherLengthIsNoticed(t *testing.T) {
	f, _ := filled(t, 100, 3)
	b := encode(t, f)
	for n := range len(b) {
		if _, err := read(b[:n]); !errors.Is(err, ErrFile) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
		if _, err := Read(bytes.NewReader(b[:n]), int64(len(b)), anyLabel); !errors.Is(err, ErrFile) {
			t.Fatalf("cut to %d bytes after its size was taken: %v", n, err)
		}
	}
	if _, err := read(append(b, 0)); !errors.Is(err, ErrFile) {
		t.Fatalf("a byte too long: %v", err)
	}
}

// A header that lies with a right checksum must not make Read allocate what it claims.
func TestFile_LyingHeaderIsRefusedBeforeAllocation(t *testing.T) {
	f, _ := filled(t, 100, 4)
	check := func(name string, at int, value uint64) {
		t.Helper()
		b := encode(t, f)
		binary.LittleEndian.PutUint64(b[at:], value)
		binary.LittleEndian.PutUint64(b[96:], xxh3.Hash(b[:96]))
		var err error
		allocs := testing.AllocsPerRun(1, func() { _, err = read(b) })
		if !errors.Is(err, ErrFile) || allocs > 20 {
			t.Errorf("%s: %v after %v allocations", name, err, allocs)
		}
	}
	check("capacity of 2^35", 64, 1<<35)
	check("capacity of 2^63", 64, 1<<63)
	check("capacity of none", 64, 0)
	check("rate that is no number", 72, math.Float64bits(math.NaN()))
	check("another rate", 72, math.Float64bits(0.25))
	check("more blocks", 80, f.blocks+1)
	check("no blocks", 80, 0)
	check("fewer locations", 88, f.k-1)
	check("more locations", 88, 64)
}

func TestFile_LabelIsSeenBeforeTheBits(t *testing.T) {
	f, _ := filled(t, 100, 5)
	b := encode(t, f)
	other := errors.New("another store")
	if _, err := Read(bytes.NewReader(b[:headerSize]), int64(len(b)), func(Label) error { return other }); err != other {
		t.Fatalf("got %v", err)
	}
}

func TestFile_DeviceErrorsAreNotDamage(t *testing.T) {
	f, _ := filled(t, 100, 6)
	b := encode(t, f)
	for _, n := range []int{0, headerSize, len(b) - sumSize} {
		broken := errors.New("device")
		r := io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(broken))
		if _, err := Read(r, int64(len(b)), anyLabel); !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
	for n := range 4 {
		if err := f.Save(&failingWriter{left: n}, label); (err == nil) != (n == 3) {
			t.Errorf("write %d failed: %v", n, err)
		}
	}
}

// failingWriter fails after `left` writes.
type failingWriter struct{ left int }

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.left--; w.left < 0 {
		return 0, errors.New("device")
	}
	return len(p), nil
}

func FuzzRead(f *testing.F) {
	small, err := New(1, 0.5)
	if err != nil {
		f.Fatal(err)
	}
	small.Add(randomKey(rand.New(rand.NewPCG(1, 1))))
	f.Add(encode(f, small))
	f.Add([]byte(magic))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := read(b)
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := got.Save(&again, labelOf(t, b)); err != nil || !bytes.Equal(again.Bytes(), b) {
			t.Fatalf("accepted %d bytes that it would not write: %v", len(b), err)
		}
	})
}

func labelOf(t *testing.T, b []byte) (l Label) {
	t.Helper()
	if _, err := Read(bytes.NewReader(b), int64(len(b)), func(got Label) error { l = got; return nil }); err != nil {
		t.Fatal(err)
	}
	return l
}
