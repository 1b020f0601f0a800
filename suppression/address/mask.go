package address

import (
	"strings"
	"unicode/utf8"
)

// hidden is what is shown of an address that is none.
const hidden = "***"

// Mask returns addr so that a person recognises it and a stranger learns little: j***@example.com, +1*******71. What is
// neither an address nor a number, or holds characters that would spoil a log line, is all hidden. The domain stays in
// clear: an address at a domain of one person is masked no better than that.
func Mask(addr string) string {
	if len(addr) > maxEmailInput || strings.ContainsFunc(addr, forbidden) || !utf8.ValidString(addr) {
		return hidden
	}
	if strings.HasPrefix(addr, "+") && e164(addr) {
		return addr[:2] + strings.Repeat("*", len(addr)-4) + addr[len(addr)-2:]
	}
	at := strings.LastIndexByte(addr, '@')
	if at < 1 {
		return hidden
	}
	_, first := utf8.DecodeRuneInString(addr)
	return addr[:first] + hidden + addr[at:]
}
