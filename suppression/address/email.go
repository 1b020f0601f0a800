package address

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

const (
	// maxEmail is the longest canonical form: a path of 256 octets less its brackets (RFC 5321 §4.5.3.1.3). A local part
	// over 64 octets is let through: such senders exist (VERP), and we only match it.
	maxEmail = 254
	// maxEmailInput bounds the work on hostile input: escapes and U-labels shrink, but not that far.
	maxEmailInput = 1024
)

var (
	errNoAt      = fault("it has no @ between mailbox and domain")
	errSeveralAt = fault("it has more than one @: write one bare address, mailbox@domain")
	errUTF8      = fault("it is not valid UTF-8")
	errControl   = fault("it contains a control, space or direction character: remove it")
)

// AppendEmail appends the canonical matching form of addr (the exact key's input): one bare address, mailbox@domain, with
// spaces and tabs around it ignored. Equal forms are one mailbox to us.
//
// The domain becomes lower-case A-labels without a trailing dot (RFC 5891 §5, mapped as UTS 46 does). The local part loses
// needless quoting, is put in NFC and folded by Unicode's simple case folding. That is this form's alone: the case of a
// local part belongs to the receiving host (RFC 5321 §2.4), so we send to the address as it was given.
//
// Refused with ErrSyntax: display names, comments and angle brackets, several "@", an empty local part, control and
// direction characters, spaces outside quotes, domain literals such as [192.0.2.1] and domains that end in a number (they
// name a machine, not somebody's provider, and would point the sender anywhere), underscores in the domain. ErrTooLong past
// 254 bytes. A domain of one label ("root@localhost") is well-formed and accepted.
//
// Cost: for plain ASCII one pass and no allocation beyond dst; else some microseconds. After an error dst is returned as it
// was.
func AppendEmail(dst, addr []byte) ([]byte, error) {
	addr = bytes.Trim(addr, " \t")
	if len(addr) > maxEmailInput {
		return dst, ErrTooLong
	}
	form, ok := appendPlain(dst, addr)
	if !ok {
		var err error
		if form, err = appendIntricate(dst, addr); err != nil {
			return dst, err
		}
	}
	if len(form)-len(dst) > maxEmail {
		return dst, ErrTooLong
	}
	return form, nil
}

// appendPlain is the fast path: a dot-atom and a domain of letters, digits and hyphens, all ASCII, no A-label. It declines
// whatever it is not sure of.
func appendPlain(dst, addr []byte) ([]byte, bool) {
	start := len(dst)
	dst = slices.Grow(dst, len(addr))[:start+len(addr)]
	out := dst[start:]
	last := byte('.')
	for i, c := range addr {
		if c == '@' {
			out[i] = c
			ok := last != '.' && lowerHost(out[i+1:], addr[i+1:]) && !bytes.Contains(out[i+1:], acePrefix)
			return dst, ok
		}
		c = atomText[c]
		if c == 0 || c == '.' && last == '.' {
			return dst, false
		}
		out[i], last = c, c
	}
	return dst, false
}

// appendIntricate reads every other address, and finds what is wrong with it.
func appendIntricate(dst, addr []byte) ([]byte, error) {
	if !utf8.Valid(addr) {
		return dst, errUTF8
	}
	if bytes.ContainsFunc(addr, forbidden) {
		return dst, errControl
	}
	local, domain, err := split(addr)
	if err != nil {
		return dst, err
	}
	if dst, err = appendLocal(dst, local); err != nil {
		return dst, err
	}
	return appendDomain(append(dst, '@'), domain)
}

// split parts an address at the "@" that follows its local part, quoted or not. The quotes stay.
func split(addr []byte) (local, domain []byte, err error) {
	at := bytes.IndexByte(addr, '@')
	if len(addr) > 0 && addr[0] == '"' {
		if at = closingQuote(addr) + 1; at == 0 {
			return nil, nil, errQuote
		}
	}
	if at < 0 || at >= len(addr) || addr[at] != '@' {
		return nil, nil, errNoAt
	}
	local, domain = addr[:at], addr[at+1:]
	if bytes.IndexByte(domain, '@') >= 0 {
		return nil, nil, errSeveralAt
	}
	return local, domain, nil
}

// closingQuote is the index of the quote that ends the quoted string at the start of s, -1 if none does.
func closingQuote(s []byte) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}
