package smtprelay

import (
	"errors"
	"net"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/emersion/go-smtp"
)

// plain speaks the first lines of a dialogue, which go-smtp's client cannot: it says EHLO localhost before STARTTLS, and cannot
// start TLS on a connection whose extensions have been looked at.
type plain struct{ text *textproto.Conn }

func newPlain(link net.Conn) plain { return plain{textproto.NewConn(link)} }

// ask sends a command, unless it is empty, and wants a reply of the code given.
func (p plain) ask(command string, want int) (string, error) {
	if command != "" {
		if err := p.text.PrintfLine("%s", command); err != nil {
			return "", err
		}
	}
	_, words, err := p.text.ReadResponse(want)
	var refused *textproto.Error
	if errors.As(err, &refused) {
		return "", newReply(refused.Code, refused.Msg)
	}
	if err == nil && p.text.R.Buffered() > 0 {
		// Bytes ahead of our next command: an injection before the handshake (CVE-2011-0411), or a peer that is no SMTP server.
		return "", ownError("the peer spoke out of turn")
	}
	return words, err
}

// newReply splits the enhanced code (RFC 2034 §4) off a reply's words.
func newReply(code int, words string) *smtp.SMTPError {
	r := &smtp.SMTPError{Code: code, Message: words}
	first, rest, _ := strings.Cut(words, " ")
	if ec, ok := parseEnhanced(first); ok {
		r.EnhancedCode, r.Message = ec, strings.ReplaceAll(rest, "\n"+first+" ", "\n")
	}
	return r
}

func parseEnhanced(s string) (code smtp.EnhancedCode, ok bool) {
	parts := strings.Split(s, ".")
	if len(parts) != len(code) {
		return code, false
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 10)
		if err != nil || n > 999 {
			return code, false
		}
		code[i] = int(n)
	}
	return code, true
}

// offers tells whether an EHLO reply names the extension (RFC 5321 §4.1.1.1; keywords in any case).
func offers(ehlo, extension string) bool {
	lines := strings.Split(ehlo, "\n")
	for _, line := range lines[1:] {
		keyword, _, _ := strings.Cut(line, " ")
		if strings.EqualFold(keyword, extension) {
			return true
		}
	}
	return false
}
