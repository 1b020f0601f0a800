package message

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/zeebo/xxh3"
)

// CompileEmail checks the content of a mail and encodes what all mails of the batch share. Errors are *Fault. Cost: once a batch, some
// microseconds a KiB.
func CompileEmail(content Content) (*Template, error) {
	t, c := &Template{marketing: content.Marketing}, newCompiler(content.Vars)
	if err := t.compileAddresses(content); err != nil {
		return nil, err
	}
	if err := t.compileFields(c, content); err != nil {
		return nil, err
	}
	if err := t.compileParts(c, content); err != nil {
		return nil, err
	}
	t.names = c.names
	return t, nil
}

func (t *Template) compileAddresses(content Content) error {
	if content.From == "" {
		return &Fault{"/from", "missing", "give the sender, such as News <news@example.com>"}
	}
	from, err := parseMailbox(content.From)
	if err != nil {
		return &Fault{"/from", "address_syntax", err.Error()}
	}
	t.sender = lowerDomain(from.address)
	t.fixed = appendMailboxField(t.fixed, "From", from)
	if content.ReplyTo == "" {
		return nil
	}
	reply, err := parseMailbox(content.ReplyTo)
	if err != nil {
		return &Fault{"/reply_to", "address_syntax", err.Error()}
	}
	t.fixed = appendMailboxField(t.fixed, "Reply-To", reply)
	return nil
}

// Sender is the address of From, its domain in lower-case A-labels: the one whose domain signs, and the usual envelope sender.
func (t *Template) Sender() string { return t.sender }

func (t *Template) compileFields(c *compiler, content Content) error {
	if strings.TrimSpace(content.Subject) == "" {
		return &Fault{"/subject", "missing", "give a subject"}
	}
	if err := t.compileField(c, "/subject", "Subject", content.Subject); err != nil {
		return err
	}
	t.fixed = append(t.fixed, "MIME-Version: 1.0\r\n"...)
	if content.Auto {
		t.fixed = append(t.fixed, "Auto-Submitted: auto-generated\r\n"...) // RFC 3834 §5
	}
	for _, f := range [...][2]string{{"List-Id", content.ListID}, {"Feedback-ID", content.FeedbackID}} {
		if !survives([]byte(f[1])) {
			return &Fault{"", "control_character", "the " + f[0] + " is not plain ASCII"}
		}
		if f[1] != "" {
			t.fixed = appendField(t.fixed, f[0], []byte(f[1]))
		}
	}
	return t.compileHeaders(c, content.Headers)
}

// compileParts compiles the text before the HTML: of alternatives the richest comes last (RFC 2046 §5.1.4).
func (t *Template) compileParts(c *compiler, content Content) error {
	if content.HTML == "" && content.Text == "" {
		return &Fault{"/html", "missing", "give html, text or both"}
	}
	if content.Text != "" {
		text := content.Text
		if content.Marketing {
			text = textWithLink(text)
		}
		p, err := c.compilePart("/text", "plain", text, &plainText)
		if err != nil {
			return err
		}
		t.parts = append(t.parts, p)
	}
	if content.HTML == "" {
		return nil
	}
	html := content.HTML
	if err := checkPlaces(html); err != nil {
		return at("/html", err)
	}
	if content.Marketing {
		html = withLink(html)
	}
	p, err := c.compilePart("/html", "html", html, &plainHTML)
	t.parts = append(t.parts, p)
	return err
}

// AppendEmail appends the mail's bytes (CRLF, 7-bit clean unless SMTPUTF8 is needed), unsigned. On an error, a *Fault, dst is returned
// as it was. Cost: about a microsecond for a mail of 1 KiB; no allocation once dst has grown, up to 32 variables.
func (t *Template) AppendEmail(dst []byte, r Recipient) ([]byte, error) {
	var room [fewNames]string
	values, err := t.values(room[:0], &r)
	if err != nil {
		return dst, err
	}
	mail, err := t.appendHeader(dst, &r, values)
	if err != nil {
		return dst, err
	}
	limit := len(dst) + maxMail
	if mail = t.appendBody(mail, r.MessageID, values, limit); len(mail) > limit {
		return dst, &Fault{"/vars", "too_long", fmt.Sprintf("with its values the mail is longer than %d bytes", maxMail)}
	}
	return mail, nil
}

func (t *Template) appendHeader(dst []byte, r *Recipient, values []string) ([]byte, error) {
	to, err := parseMailbox(r.To)
	if err != nil {
		return nil, &Fault{"/to", "address_syntax", err.Error()}
	}
	if !messageID(r.MessageID) {
		return nil, &Fault{"", "address_syntax", "the Message-ID is not of the form id@host (RFC 5322 §3.6.4)"}
	}
	dst = append(dst, t.fixed...)
	dst = appendMailboxField(dst, "To", to)
	dst = append(append(append(dst, "Message-ID: <"...), r.MessageID...), ">\r\n"...)
	dst = r.Date.UTC().AppendFormat(append(dst, "Date: "...), "Mon, 02 Jan 2006 15:04:05 +0000\r\n")
	for i := range t.fields {
		if dst, err = t.fields[i].append(dst, values); err != nil {
			return nil, err
		}
	}
	if t.marketing {
		return appendUnsubscribe(dst, r)
	}
	return dst, nil
}

// messageID accepts a dot-atom on either side of the at sign.
func messageID(s string) bool {
	left, right, ok := strings.Cut(s, "@")
	return ok && len(s) <= 250 && ascii(s) && dotAtom(left) && hostName(right)
}

// appendUnsubscribe writes the one-click pair (RFC 8058 §3.1, RFC 2369 §3.2).
func appendUnsubscribe(dst []byte, r *Recipient) ([]byte, error) {
	if !webLink(r.UnsubscribeURL) {
		return nil, &Fault{"", "missing_link", "marketing mail needs a one-click URL (RFC 8058)"}
	}
	dst = append(append(append(dst, "List-Unsubscribe: <"...), r.UnsubscribeURL...), '>')
	if r.UnsubscribeTo != "" {
		if !mailtoAddress(r.UnsubscribeTo) {
			return nil, &Fault{"", "address_syntax", "the mailbox for unsubscribing cannot stand in a mailto: URL as it is"}
		}
		dst = append(append(append(dst, ",\r\n <mailto:"...), r.UnsubscribeTo...), '>')
	}
	return append(dst, "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"...), nil
}

// mailtoAddress accepts addresses that need no percent-encoding in a URL (RFC 6068 §2).
func mailtoAddress(s string) bool {
	return plainAddress(s) && !strings.ContainsAny(s, "%?&#/^`{|}\"'")
}

// boundary is a line no body can hold: quoted-printable never writes "=_". It follows from the Message-ID, so that a mail made again is the same.
type boundary [34]byte

func boundaryOf(messageID string) (b boundary) {
	const hex = "0123456789abcdef"
	sum := xxh3.HashString128(messageID)
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], sum.Hi)
	binary.BigEndian.PutUint64(raw[8:], sum.Lo)
	b[0], b[1] = '=', '_'
	for i, c := range raw {
		b[2+2*i], b[3+2*i] = hex[c>>4], hex[c&15]
	}
	return b
}

func (t *Template) appendBody(dst []byte, messageID string, values []string, limit int) []byte {
	if len(t.parts) == 1 {
		return t.parts[0].append(append(dst, t.parts[0].header...), values, limit)
	}
	b := boundaryOf(messageID)
	dst = append(append(append(dst, "Content-Type: multipart/alternative;\r\n boundary=\""...), b[:]...), "\"\r\n\r\n"...)
	for i := range t.parts {
		p := &t.parts[i]
		dst = append(append(append(dst, "--"...), b[:]...), '\r', '\n')
		dst = p.append(append(dst, p.header...), values, limit)
		dst = append(dst, '\r', '\n')
	}
	return append(append(append(dst, "--"...), b[:]...), "--\r\n"...)
}
