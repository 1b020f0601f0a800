package smtprelay

import (
	"context"
	"errors"
	"time"

	"github.com/emersion/go-smtp"

	"heed/senders"
)

const (
	trusted  = time.Second     // a peer that answered this lately is taken to be there
	courtesy = 5 * time.Second // at most, for a QUIT or a look whether the peer is still there
)

// deliver runs one message's transaction, Begin and end included. The connection is dead afterwards if its state is in doubt.
func (c *conn) deliver(ctx context.Context, e *envelope) (senders.Result, error) {
	c.phase = phaseReady
	stop := context.AfterFunc(ctx, func() { c.wire.Close() })
	words, err := c.converse(ctx, e)
	if !stop() {
		c.dead = true
	}
	var f fault
	if errors.As(err, &f) {
		err = failure(c.phase, cause(ctx, f.error), e.recipient)
	}
	if err != nil {
		return senders.Result{}, err
	}
	return senders.Result{ProviderID: queueID(words), Detail: senders.Detail(words, e.recipient)}, nil
}

// fault marks an error of the dialogue, to be classified, apart from Begin's and our own.
type fault struct{ error }

func (c *conn) converse(ctx context.Context, e *envelope) (string, error) {
	if err := c.wake(); err != nil {
		c.dead = true
		return "", fault{err}
	}
	if err := ctx.Err(); err != nil {
		return "", fault{err}
	}
	if err := e.unsupported(c.has); err != nil {
		return "", err
	}
	if e.begin != nil {
		h, err := e.begin()
		if err != nil {
			return "", err
		}
		defer h.End()
		c.wire.began = h.Began
	}
	words, err := c.transact(e)
	if err != nil {
		return "", fault{err}
	}
	return words, nil
}

func (c *conn) has(extension string) bool {
	ok, _ := c.client.Extension(extension)
	return ok
}

// wake makes sure that the peer is there and no transaction is open.
func (c *conn) wake() error {
	if !c.openMail && time.Since(c.lastReply) < trusted {
		return nil
	}
	if err := c.enter(phaseReady, min(courtesy, c.opt.Timeouts.Command)); err != nil {
		return err
	}
	if !c.openMail {
		return c.client.Noop()
	}
	c.openMail = false
	if err := c.client.Reset(); err != nil {
		return err
	}
	// go-smtp forgets its EHLO on Reset and would say it again, between Begin and MAIL.
	return c.client.Hello(c.opt.Hello)
}

// transact speaks MAIL, RCPT, DATA and the body, and returns the words of acceptance.
func (c *conn) transact(e *envelope) (string, error) {
	c.sent++
	words, err := c.dialogue(e)
	c.lastReply = time.Now()
	if err != nil {
		c.settle(err)
	}
	return words, err
}

func (c *conn) dialogue(e *envelope) (string, error) {
	t := c.opt.Timeouts
	if err := c.enter(phaseMail, t.Command); err != nil {
		return "", err
	}
	if err := c.client.Mail(e.from, &smtp.MailOptions{Size: int64(len(e.body)), UTF8: e.needsUTF8}); err != nil {
		return "", err
	}
	if err := c.enter(phaseRcpt, t.Command); err != nil {
		return "", err
	}
	if err := c.client.Rcpt(e.to, nil); err != nil {
		return "", err
	}
	if err := c.enter(phaseData, t.Command); err != nil {
		return "", err
	}
	data, err := c.client.Data()
	if err != nil {
		return "", err
	}
	return c.content(data, e.body)
}

func (c *conn) content(data *smtp.DataCommand, body []byte) (string, error) {
	t := c.opt.Timeouts
	if err := c.enter(phaseBody, t.DataWrite); err != nil {
		return "", err
	}
	c.wire.enterBody(t.DataWrite)
	if _, err := data.Write(body); err != nil {
		return "", err
	}
	if err := c.enter(phaseDot, t.DataReply); err != nil {
		return "", err
	}
	c.wire.enterBody(t.DataWrite)
	accepted, err := data.CloseWithResponse()
	if reply, ok := err.(*smtp.SMTPError); ok && reply.Code/100 == 2 {
		return reply.Message, nil // the first digit decides (RFC 5321 §4.2.1)
	}
	if err != nil {
		return "", err
	}
	return accepted.StatusText, nil
}

// settle decides what a failed transaction leaves behind: a refusal leaves the dialogue in order, anything else does not. Whoever
// says 421 hangs up.
func (c *conn) settle(err error) {
	reply, ok := err.(*smtp.SMTPError)
	if !ok || !isRefusal(reply.Code) || reply.Code == 421 {
		c.dead = true
		return
	}
	c.openMail = c.phase < phaseDot
}

// stale tells that a kept connection failed before the peer took anything of the message.
func (c *conn) stale() bool { return c.dead && c.phase <= phaseMail }

// quit ends the dialogue politely (RFC 5321 §4.1.1.10).
func (c *conn) quit() {
	if c.wire.enter(min(courtesy, c.opt.Timeouts.Command)) == nil {
		c.client.Quit()
	}
	c.wire.Close()
}
