package address

import (
	"bytes"

	"golang.org/x/net/idna"
)

const (
	maxLabel  = 63           // RFC 1035 §2.3.4
	maxDomain = maxEmail - 2 // what an address has room for
)

var (
	errDomain  = fault("the domain is no domain name: write letters, digits and hyphens with dots between them")
	errLiteral = fault("a domain literal is not accepted: write the domain's name")
)

var acePrefix = []byte("xn--")

// lookup maps a domain as a resolver would be asked for it (UTS 46, non-transitional, so that ß stays ß; RFC 5893 for
// right-to-left labels). Hyphens in the third and fourth place are left alone: such hosts exist.
var lookup = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.CheckHyphens(false))

// hostText maps the bytes of a host name to lower case, all others to 0.
var hostText = func() (t [256]byte) {
	for c := range atomText {
		if l := atomText[c]; l >= 'a' && l <= 'z' || l >= '0' && l <= '9' || l == '-' || l == '.' {
			t[c] = l
		}
	}
	return t
}()

// appendDomain appends the canonical form of a domain of any script.
func appendDomain(dst, domain []byte) ([]byte, error) {
	if bytes.HasPrefix(domain, []byte("[")) {
		return dst, errLiteral
	}
	mapped, err := lookup.ToASCII(string(domain))
	if err != nil {
		return dst, errDomain
	}
	name := bytes.TrimSuffix([]byte(mapped), []byte("."))
	if len(name) > maxDomain {
		return dst, ErrTooLong
	}
	if !lowerHost(name, name) {
		return dst, errDomain
	}
	return append(dst, name...), nil
}

// lowerHost writes the lower case of an ASCII host name to out, which has its length and may be the name itself, and reports
// whether it is one: labels of letters, digits and inner hyphens (RFC 5321 §4.1.2), the last not all digits (RFC 3696 §2).
func lowerHost(out, name []byte) bool {
	label, digits := 0, 0 // of the present label: length, and how many digits
	last := byte('.')
	for i, c := range name {
		c = hostText[c]
		switch {
		case c == 0, c == '-' && last == '.', label == maxLabel && c != '.':
			return false
		case c == '.':
			if last == '.' || last == '-' {
				return false
			}
			label, digits = 0, 0
		default:
			label++
			if c <= '9' && c >= '0' {
				digits++
			}
		}
		out[i], last = c, c
	}
	return label > digits && last != '-'
}
