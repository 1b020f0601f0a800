package smtprelay

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

const (
	maxLocal  = 64  // RFC 5321 §4.5.3.1.1
	maxPath   = 254 // §4.5.3.1.3, less the brackets
	maxDomain = 255 // §4.5.3.1.2
	maxLabel  = 63  // RFC 1035 §2.3.4
)

// wireMailbox gives addr as it may stand between the angle brackets of MAIL and RCPT, its domain as A-labels, and tells
// whether its local part needs SMTPUTF8. It accepts what RFC 5321 §4.1.2 and RFC 6531 §3.3 call a Mailbox, less angle brackets and
// pairs within quotes other than \" and \\: a peer with a naive parser must not see the path end early.
func wireMailbox(addr string) (path string, needsUTF8, ok bool) {
	at := strings.LastIndexByte(addr, '@')
	if at < 0 || len(addr) > 4*maxPath {
		return "", false, false
	}
	local := addr[:at]
	domain, ok := wireDomain(addr[at+1:])
	if !ok || !isLocalPart(local) {
		return "", false, false
	}
	path = local + "@" + domain
	return path, !isASCII(local), len(path) <= maxPath
}

func isLocalPart(s string) bool {
	if s == "" || len(s) > maxLocal || !utf8.ValidString(s) {
		return false
	}
	if s[0] == '"' {
		return isQuoted(s)
	}
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" || strings.ContainsFunc(atom, notAtext) {
			return false
		}
	}
	return true
}

// notAtext is the complement of atext (RFC 5322 §3.2.3), with RFC 6531 §3.3's UTF8-non-ascii of which we take what prints.
func notAtext(r rune) bool {
	switch {
	case r >= utf8.RuneSelf:
		return !prints(r)
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

func prints(r rune) bool { return unicode.IsPrint(r) && r != utf8.RuneError }

// isQuoted tells whether s is a Quoted-string (RFC 5321 §4.1.2) without angle brackets.
func isQuoted(s string) bool {
	if len(s) < 3 || s[len(s)-1] != '"' {
		return false
	}
	escaped := false
	for _, r := range s[1 : len(s)-1] {
		special := r == '"' || r == '\\'
		switch {
		case escaped && !special, !escaped && r == '"', r == '<', r == '>':
			return false
		case r != ' ' && !prints(r):
			return false
		}
		escaped = !escaped && r == '\\'
	}
	return !escaped
}

func wireDomain(s string) (string, bool) {
	if strings.HasPrefix(s, "[") {
		return s, isAddressLiteral(s)
	}
	if !isASCII(s) {
		var err error
		if s, err = idna.Lookup.ToASCII(s); err != nil {
			return "", false
		}
	}
	return s, isHostName(s)
}

// isHostName checks letters, digits and hyphens (RFC 5321 §4.1.2, RFC 1123 §2.1).
func isHostName(s string) bool {
	if s == "" || len(s) > maxDomain {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := 0; i < len(label); i++ {
			if c := label[i] | 0x20; label[i] != '-' && (c < 'a' || c > 'z') && (label[i] < '0' || label[i] > '9') {
				return false
			}
		}
	}
	return true
}

// isAddressLiteral checks "[192.0.2.1]" and "[IPv6:2001:db8::1]" (RFC 5321 §4.1.3).
func isAddressLiteral(s string) bool {
	inner, ok := strings.CutPrefix(s, "[")
	inner, ok2 := strings.CutSuffix(inner, "]")
	if !ok || !ok2 {
		return false
	}
	six, tagged := strings.CutPrefix(inner, "IPv6:")
	ip, err := netip.ParseAddr(six)
	return err == nil && ip.Zone() == "" && ip.Is6() == tagged
}

func isHelloName(s string) bool { return isHostName(s) || isAddressLiteral(s) }

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
