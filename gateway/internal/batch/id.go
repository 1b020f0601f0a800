package batch

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ID names a batch: a UUIDv7 (RFC 9562 §5.7), shown as "bat_" and 26 Crockford base-32 digits in lower case. Ids sort by
// time to the millisecond, as bytes and as text alike.
type ID [16]byte

const (
	batchPrefix   = "bat_"
	messagePrefix = "msg_"
	idDigits      = 26
	crockford     = "0123456789abcdefghjkmnpqrstvwxyz" // https://www.crockford.com/base32.html
)

// NewID makes an id from a time and 10 random bytes, of which 74 bits are used.
func NewID(now time.Time, random [10]byte) ID {
	var id ID
	binary.BigEndian.PutUint64(id[:], uint64(now.UnixMilli())<<16)
	copy(id[6:], random[:])
	id[6] = id[6]&0x0f | 0x70 // version 7
	id[8] = id[8]&0x3f | 0x80 // the variant of RFC 9562 §4.1
	return id
}

func (id ID) String() string { return string(id.Append(make([]byte, 0, len(batchPrefix)+idDigits))) }

// Append appends the text of the id, for answers built in place.
func (id ID) Append(dst []byte) []byte {
	return appendDigits(append(dst, batchPrefix...), id)
}

// ParseID reads "bat_…" with digits of either case. It answers ErrID for anything else.
func ParseID(s string) (ID, error) {
	digits, ok := strings.CutPrefix(s, batchPrefix)
	if !ok {
		return ID{}, fmt.Errorf("%w: want %q and %d digits", ErrID, batchPrefix, idDigits)
	}
	return parseDigits(digits)
}

// MessageID names recipient index of batch id: "msg_<26 digits>-<index>".
func MessageID(id ID, index uint32) string {
	const longestIndex = len("-4294967295")
	return string(AppendMessageID(make([]byte, 0, len(messagePrefix)+idDigits+longestIndex), id, index))
}

// AppendMessageID appends what MessageID returns, for answers built in place.
func AppendMessageID(dst []byte, id ID, index uint32) []byte {
	dst = appendDigits(append(dst, messagePrefix...), id)
	return strconv.AppendUint(append(dst, '-'), uint64(index), 10)
}

// ParseMessageID reads "msg_…-<index>". It answers ErrID for anything else, so that a message has one name only but for the case of
// its digits: an index with leading zeros is none.
func ParseMessageID(s string) (ID, uint32, error) {
	body, ok := strings.CutPrefix(s, messagePrefix)
	digits, number, cut := strings.Cut(body, "-")
	index, err := strconv.ParseUint(number, 10, 32)
	if !ok || !cut || err != nil || strconv.FormatUint(index, 10) != number {
		return ID{}, 0, fmt.Errorf("%w: want %q, %d digits, a hyphen and a number", ErrID, messagePrefix, idDigits)
	}
	id, err := parseDigits(digits)
	return id, uint32(index), err
}

// appendDigits writes the 128 bits as 26 digits of 5 bits, the first digit holding the top 3.
func appendDigits(dst []byte, id ID) []byte {
	hi, lo := binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
	for shift := 125; shift >= 0; shift -= 5 {
		dst = append(dst, crockford[shiftRight(hi, lo, shift)&31])
	}
	return dst
}

// shiftRight is the low word of hi:lo >> shift.
func shiftRight(hi, lo uint64, shift int) uint64 {
	if shift >= 64 {
		return hi >> (shift - 64)
	}
	return lo>>shift | hi<<(64-shift)
}

func parseDigits(s string) (ID, error) {
	if len(s) != idDigits || s[0] > '7' {
		return ID{}, fmt.Errorf("%w: want %d base-32 digits, the first at most 7", ErrID, idDigits)
	}
	var hi, lo uint64
	for i := range len(s) {
		v := strings.IndexByte(crockford, lower(s[i]))
		if v < 0 {
			return ID{}, fmt.Errorf("%w: digit %d is none of %s", ErrID, i+1, crockford)
		}
		hi, lo = hi<<5|lo>>59, lo<<5|uint64(v)
	}
	var id ID
	binary.BigEndian.PutUint64(id[:8], hi)
	binary.BigEndian.PutUint64(id[8:], lo)
	return id, nil
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
