package format

import "encoding/binary"

// Head is what is known of a batch as a whole.
type Head struct {
	Tenant  string
	Created int64 // in milliseconds
	Opaque  []byte
}

// Encode writes a head for DecodeHead.
func (h *Head) Encode() []byte {
	b := append(make([]byte, 0, 32+len(h.Tenant)+len(h.Opaque)), Version)
	b = binary.AppendVarint(b, h.Created)
	return append(appendText(b, h.Tenant), h.Opaque...)
}

// DecodeHead keeps no part of b but Opaque.
func DecodeHead(b []byte) (h Head, err error) {
	r := read(b)
	h.Created = r.varint()
	h.Tenant = string(r.text())
	h.Opaque, err = r.rest()
	return h, err
}

// EncodeCounts writes counts for DecodeCounts.
func EncodeCounts(c Counts) []byte {
	b := []byte{Version}
	for _, n := range c {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

// DecodeCounts reads what EncodeCounts wrote.
func DecodeCounts(b []byte) (c Counts, err error) {
	r := read(b)
	for i := range c {
		c[i] = r.uvarint()
	}
	return c, r.end()
}

// EncodeControl writes a control for DecodeControl.
func EncodeControl(c Control) []byte { return []byte{Version, byte(c)} }

// DecodeControl reads what EncodeControl wrote.
func DecodeControl(b []byte) (Control, error) {
	r := read(b)
	c := Control(r.byte())
	if c > Stopped {
		r.damage("control")
	}
	return c, r.end()
}
