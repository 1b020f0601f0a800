package format

import (
	"encoding/binary"
	"fmt"
)

// EncodeRecord writes a record's value and expiry (in milliseconds, 0: never) for DecodeRecord.
func EncodeRecord(value []byte, expires int64) []byte {
	b := append(make([]byte, 0, 11+len(value)), Version)
	return append(binary.AppendVarint(b, expires), value...)
}

// DecodeRecord reads what EncodeRecord wrote; value is a part of b.
func DecodeRecord(b []byte) (value []byte, expires int64, err error) {
	r := read(b)
	expires = r.varint()
	value, err = r.rest()
	return value, expires, err
}

// EncodeLow writes the number that lies under MarkLow. The other two marks are keys and lie as they are.
func EncodeLow(low uint64) []byte { return binary.BigEndian.AppendUint64(nil, low) }

// DecodeLow reads what EncodeLow wrote.
func DecodeLow(b []byte) (uint64, error) {
	if len(b) != 8 {
		return 0, fmt.Errorf("%w: low-water mark", ErrDamaged)
	}
	return binary.BigEndian.Uint64(b), nil
}
