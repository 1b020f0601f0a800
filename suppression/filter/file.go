package filter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"sync/atomic"

	"github.com/zeebo/xxh3"
)

// A filter file is little-endian:
//
//	offset  bytes
//	     0      8  magic "HeedFlt\x01"; the last byte is the version
//	     8     16  Label.Store
//	    24     16  Label.Secret
//	    40      8  Label.Position
//	    48      8  Label.History
//	    56      8  keys
//	    64      8  capacity
//	    72      8  rate (IEEE 754)
//	    80      8  blocks
//	    88      8  locations of a key
//	    96      8  XXH3-64 of the 96 bytes before
//	   104  64×n  blocks
//	104+64n    8  XXH3-64 of the blocks
const (
	magic      = "HeedFlt\x01"
	headerSize = 104
	sumSize    = 8
	chunkWords = 1 << 14 // 128 KiB are read or written at a time
)

// ErrFile is the cause of every error by which Read refuses what it has read: the file is damaged, cut, of another
// version, or claims what cannot be. The remedy is always the same: build the filter anew.
var ErrFile = errors.New("filter file is unusable")

// Label says what a filter is a filter of. Only a filter whose label is exactly the expected one may answer.
type Label struct {
	Store    [16]byte // which store it was built from
	Secret   [16]byte // fingerprint of the secret that made the keys
	Position uint64   // every change up to here is in the filter
	History  uint64   // digest of the changes up to Position: the same position of another history does not count
}

// Save writes the filter with its label in the form Read takes. Adding may go on meanwhile: the written filter
// holds at least the keys whose Add had returned when Save was called, so the label's position must be read before.
func (f *Filter) Save(w io.Writer, label Label) error {
	if _, err := w.Write(f.header(label)); err != nil {
		return err
	}
	sum := xxh3.New()
	buf := make([]byte, 8*min(chunkWords, len(f.words)))
	for words := f.words; len(words) > 0; {
		n := min(chunkWords, len(words))
		for i := range words[:n] {
			binary.LittleEndian.PutUint64(buf[8*i:], atomic.LoadUint64(&words[i]))
		}
		_, _ = sum.Write(buf[:8*n])
		if _, err := w.Write(buf[:8*n]); err != nil {
			return err
		}
		words = words[n:]
	}
	_, err := w.Write(binary.LittleEndian.AppendUint64(nil, sum.Sum64()))
	return err
}

func (f *Filter) header(label Label) []byte {
	b := make([]byte, 0, headerSize)
	b = append(b, magic...)
	b = append(b, label.Store[:]...)
	b = append(b, label.Secret[:]...)
	for _, v := range [...]uint64{label.Position, label.History, f.Len(), f.capacity, math.Float64bits(f.rate), f.blocks, f.k} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return binary.LittleEndian.AppendUint64(b, xxh3.Hash(b))
}

// Read reads a filter from r, which holds size bytes. accept sees the label first; its error ends the reading and
// is returned as it is. Nothing is allocated for the bits before the header has proved consistent with itself and
// with size, and no filter is returned before its checksum has matched. Errors: ErrFile, those of accept and of r.
func Read(r io.Reader, size int64, accept func(Label) error) (*Filter, error) {
	var head [headerSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, short(err)
	}
	label, g, keys, err := parseHeader(head[:], size)
	if err != nil {
		return nil, err
	}
	if err := accept(label); err != nil {
		return nil, err
	}
	f := newFilter(g)
	f.keys.Store(keys)
	if err := f.readWords(r); err != nil {
		return nil, err
	}
	return f, nil
}

// parseHeader believes nothing: the shape must be the one plan gives, since a filter probed with a shape other than
// its own would miss keys, which means a send to someone who opted out.
func parseHeader(b []byte, size int64) (label Label, g geometry, keys uint64, err error) {
	refuse := func(what string) (Label, geometry, uint64, error) {
		return Label{}, geometry{}, 0, fmt.Errorf("%w: %s", ErrFile, what)
	}
	if string(b[:len(magic)]) != magic {
		return refuse("no filter of this version")
	}
	u64 := func(at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
	if xxh3.Hash(b[:headerSize-sumSize]) != u64(headerSize-sumSize) {
		return refuse("header checksum")
	}
	g, err = plan(u64(64), math.Float64frombits(u64(72)))
	if err != nil {
		return refuse(err.Error())
	}
	if g.blocks != u64(80) || g.k != u64(88) {
		return refuse("its shape does not follow from its capacity")
	}
	if want := int64(8*g.words()) + headerSize + sumSize; size != want {
		return refuse(fmt.Sprintf("%d bytes long, not %d", size, want))
	}
	copy(label.Store[:], b[8:])
	copy(label.Secret[:], b[24:])
	label.Position, label.History = u64(40), u64(48)
	return label, g, u64(56), nil
}

// readWords needs no atomic stores: nobody else has the filter yet.
func (f *Filter) readWords(r io.Reader) error {
	sum := xxh3.New()
	buf := make([]byte, 8*min(chunkWords, len(f.words)))
	for words := f.words; len(words) > 0; {
		n := min(chunkWords, len(words))
		if _, err := io.ReadFull(r, buf[:8*n]); err != nil {
			return short(err)
		}
		_, _ = sum.Write(buf[:8*n])
		for i := range words[:n] {
			words[i] = binary.LittleEndian.Uint64(buf[8*i:])
		}
		words = words[n:]
	}
	if _, err := io.ReadFull(r, buf[:sumSize]); err != nil {
		return short(err)
	}
	if sum.Sum64() != binary.LittleEndian.Uint64(buf) {
		return fmt.Errorf("%w: checksum", ErrFile)
	}
	return nil
}

// short tells a file that ends early, which is damage, from a device that fails.
func short(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: cut short", ErrFile)
	}
	return err
}
