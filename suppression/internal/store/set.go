package store

import "fmt"

// Set is the value of an address: entries in order of reason and topic, each pair at most once.
type Set []Entry

// Append appends the set's encoding: its entries one after the other.
func (s Set) Append(b []byte) []byte {
	for i := range s {
		b = s[i].Append(b)
	}
	return b
}

// ParseSet reads a set, appending to dst. It accepts exactly what Append writes, so equal sets are equal bytes.
// Errors: ErrCorrupt.
func ParseSet(dst Set, b []byte) (Set, error) {
	start := len(dst)
	for len(b) > 0 {
		e, rest, err := parseEntry(b)
		if err != nil {
			return dst[:start], err
		}
		if n := len(dst); n > start && dst[n-1].order(&e) >= 0 {
			return dst[:start], fmt.Errorf("%w: entries out of order", ErrCorrupt)
		}
		dst, b = append(dst, e), rest
	}
	if len(dst) == start {
		return dst, fmt.Errorf("%w: empty value", ErrCorrupt)
	}
	return dst, nil
}

// Join merges two sets entry by entry. Commutative, associative and idempotent, as Entry's merging is.
func Join(a, b Set) Set {
	out := make(Set, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch c := a[0].order(&b[0]); {
		case c < 0:
			out, a = append(out, a[0]), a[1:]
		case c > 0:
			out, b = append(out, b[0]), b[1:]
		default:
			out, a, b = append(out, a[0].join(b[0])), a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// Present reports whether the set holds an addition that no lift of its own reason and topic has observed. Lifts
// of "every reason the person may lift" are left out on purpose: which those are is policy, and may change while a filter
// made by this answer lives on.
func (s Set) Present() bool {
	for i := range s {
		if s[i].Added != 0 {
			return true
		}
	}
	return false
}
