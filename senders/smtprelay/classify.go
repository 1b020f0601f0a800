package smtprelay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/emersion/go-smtp"

	"heed/senders"
)

// phase is how far a dialogue has come; they are ordered.
type phase uint8

const (
	phaseDial phase = iota
	phaseGreeting
	phaseHello
	phaseTLS
	phaseAuth
	phaseReady // nothing of the message sent
	phaseMail
	phaseRcpt
	phaseData
	phaseBody
	phaseDot // the final dot may be on its way: from here on the message may have been accepted
)

var phaseNames = [...]string{"dial", "greeting", "EHLO", "TLS", "AUTH", "idle check", "MAIL", "RCPT", "DATA", "body", "final dot"}

func (p phase) String() string { return phaseNames[p] }

// failure turns what went wrong in phase p into the Sender's error. hide is what the peer's words must not tell: the recipient,
// or before there is one the password.
func failure(p phase, cause error, hide string) *senders.Error {
	var reply *smtp.SMTPError
	if errors.As(cause, &reply) && isRefusal(reply.Code) {
		return refusal(p, reply, hide)
	}
	e := &senders.Error{Class: senders.Unavailable, Code: linkCode(p), Detail: senders.Detail(linkDetail(p, cause), hide), Err: cause}
	if p == phaseDot {
		e.Class = senders.Unknown
	}
	return e
}

func isRefusal(code int) bool { return code >= 400 && code <= 599 }

// refusal is the pure core: what a 4yz or 5yz reply means.
func refusal(p phase, r *smtp.SMTPError, hide string) *senders.Error {
	code := enhancedCode(p, r)
	return &senders.Error{
		Class:       refusalClass(p, r.Code, code),
		Code:        code,
		Detail:      senders.Detail(fmt.Sprintf("%d %s", r.Code, r.Message), hide),
		OfRecipient: p >= phaseRcpt, // before, the peer knows only the sender
	}
}

func refusalClass(p phase, code int, enhanced string) senders.Class {
	switch {
	case code == 421 && strings.HasPrefix(enhanced, "4.7."):
		return senders.Throttled
	case code == 421, p < phaseMail:
		return senders.Unavailable
	case code == 530, code == 534, code == 535, code == 538: // RFC 4954 §6: log in first
		return senders.Unavailable
	case code < 500:
		return senders.Temporary
	}
	return senders.Permanent
}

// enhancedCode gives the reply's own code if it agrees with the reply's first digit (RFC 2034 §4), else a derived one.
func enhancedCode(p phase, r *smtp.SMTPError) string {
	c := r.EnhancedCode
	if c[0] == r.Code/100 && inRange(c[1]) && inRange(c[2]) && c != (smtp.EnhancedCode{c[0]}) {
		return fmt.Sprintf("%d.%d.%d", c[0], c[1], c[2])
	}
	return derivedCode(p, r.Code)
}

func inRange(subject int) bool { return subject >= 0 && subject <= 999 } // RFC 3463 §2

// derivedCode says no more than the basic code does (RFC 5321 §4.2.2): a bare 550 may be policy as well as an unknown mailbox, so it
// must not read as 5.1.1.
func derivedCode(p phase, code int) string {
	switch code {
	case 421:
		return "4.3.2"
	case 450:
		return "4.2.0"
	case 452:
		return "4.3.1"
	case 500, 502:
		return "5.5.1"
	case 501, 504, 555:
		return "5.5.4"
	case 503:
		return "5.5.1"
	case 530, 534, 538:
		return "5.7.0"
	case 535:
		return "5.7.8"
	case 552:
		if p == phaseRcpt {
			return "5.2.2"
		}
		return "5.3.4"
	case 556:
		return "5.1.10" // RFC 7504 §4
	}
	return fmt.Sprintf("%d.0.0", code/100)
}

// linkCode is the status of a fault of the link rather than a reply (RFC 3463 §3.5).
func linkCode(p phase) string {
	switch p {
	case phaseDial:
		return "4.4.1" // no answer from host
	case phaseTLS:
		return "4.7.5" // cryptographic failure
	}
	return "4.4.2" // bad connection
}

// linkDetail describes cause in our own words: the text of an arbitrary error is not fit to be shown.
func linkDetail(p phase, cause error) string {
	var reply *smtp.SMTPError
	var own ownError
	switch {
	case errors.As(cause, &own):
		return p.String() + ": " + own.Error()
	case errors.As(cause, &reply):
		return fmt.Sprintf("%s: unexpected reply %d %s", p, reply.Code, reply.Message)
	case errors.Is(cause, context.Canceled):
		return p.String() + ": cancelled"
	case errors.Is(cause, context.DeadlineExceeded), errors.Is(cause, os.ErrDeadlineExceeded), isTimeout(cause):
		return p.String() + ": no answer in time"
	case errors.Is(cause, errReplyTooLong), errors.Is(cause, smtp.ErrTooLongLine):
		return p.String() + ": reply too long"
	case p == phaseDial, p == phaseTLS:
		return fmt.Sprintf("%s: %v", p, cause) // before any address has been spoken of
	}
	return p.String() + ": connection lost or reply malformed"
}

// ownError is a fault found by this package, its text fit to be shown.
type ownError string

func (e ownError) Error() string { return string(e) }

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// queueID finds the relay's id of an accepted message in its words: Postfix says "queued as ID", Exim "id=ID". "" if neither.
func queueID(words string) string {
	for _, mark := range []string{"queued as ", "id="} {
		if _, rest, ok := strings.Cut(words, mark); ok {
			return idPrefix(rest)
		}
	}
	return ""
}

func idPrefix(s string) string {
	n := 0
	for n < len(s) && n < 64 && (s[n] == '-' || s[n] == '_' || s[n] == '.' || isAlnum(s[n])) {
		n++
	}
	return strings.TrimRight(s[:n], ".-")
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
