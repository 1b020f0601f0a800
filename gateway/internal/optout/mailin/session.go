package mailin

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"

	"heed/gateway/internal/optout"
	"heed/suppression"

	"github.com/emersion/go-smtp"
)

// The replies. None repeats an address.
var (
	replyDone      = reply(250, smtp.EnhancedCode{2, 0, 0}, "Done: no more of these messages")
	replyRelay     = reply(550, smtp.EnhancedCode{5, 7, 1}, "We take no mail for that domain")
	replyNoMailbox = reply(550, smtp.EnhancedCode{5, 1, 1}, "No such mailbox: use the address or the link exactly as the message gives it")
	replyGone      = reply(550, smtp.EnhancedCode{5, 1, 1}, "That message is too old: use the link of a newer one")
	replyTrouble   = reply(451, smtp.EnhancedCode{4, 3, 0}, "Could not be recorded now, try again later")
	replyBroken    = reply(451, smtp.EnhancedCode{4, 4, 2}, "The message did not arrive whole, send it again")
)

func reply(code int, enhanced smtp.EnhancedCode, text string) *smtp.SMTPError {
	return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: text}
}

// session is one client's dialogue.
type session struct {
	o Options

	// mu guards against a BDAT that is reset while its Data begins: go-smtp runs the two on different goroutines.
	mu struct {
		sync.Mutex
		token optout.Token
	}
}

// Mail takes any sender: who sends is not who leaves.
func (s *session) Mail(string, *smtp.MailOptions) error { return nil }

// Rcpt takes a genuine mailbox of ours and finds out whom it speaks for.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	local, refused := s.localPart(to)
	if refused != nil {
		return refused
	}
	batch, index, err := s.o.Signer.VerifyMailbox([]byte(local))
	if err != nil {
		return replyNoMailbox
	}
	ctx, cancel := context.WithTimeout(context.Background(), actTimeout)
	defer cancel()
	token, err := s.o.Resolve(ctx, batch, index)
	switch {
	case errors.Is(err, optout.ErrUnknown):
		return replyGone
	case err != nil:
		return s.trouble(err)
	}
	s.remember(token)
	return nil
}

// localPart splits an address at its last "@"; a domain's case and final dot mean nothing (RFC 5321 §2.4).
func (s *session) localPart(to string) (string, error) {
	at := strings.LastIndexByte(to, '@')
	if at < 0 {
		return "", replyNoMailbox
	}
	if !strings.EqualFold(strings.TrimSuffix(to[at+1:], "."), s.o.Domain) {
		return "", replyRelay
	}
	return to[:at], nil
}

// Data acts once the whole message has arrived, and answers once the act is durable. A message that breaks off does nothing: its
// client got no answer and will send it again.
func (s *session) Data(r io.Reader) error {
	token := s.recall()
	if _, err := io.Copy(io.Discard, r); err != nil {
		return incomplete(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), actTimeout)
	defer cancel()
	if _, err := s.o.Desk.Stop(ctx, token, suppression.ByMail, s.o.Now()); err != nil {
		return s.trouble(err)
	}
	return replyDone
}

func incomplete(err error) error {
	if errors.Is(err, smtp.ErrDataTooLarge) {
		return smtp.ErrDataTooLarge
	}
	return replyBroken
}

func (s *session) trouble(err error) error {
	s.o.Trouble(err)
	return replyTrouble
}

// Reset forgets the recipient.
func (s *session) Reset() { s.remember(optout.Token{}) }

// Logout has nothing to give back.
func (s *session) Logout() error { return nil }

func (s *session) remember(t optout.Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.token = t
}

func (s *session) recall() optout.Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.token
}
