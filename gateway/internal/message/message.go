// Package message turns a batch's content and a recipient into the bytes of a mail or a text: templates, MIME, DKIM. Pure but for the
// signing keys it is given. A Template is safe for concurrent use.
package message

import "time"

// Content is what a batch says to everybody.
type Content struct {
	From, ReplyTo, Subject, HTML, Text, Body string
	Headers                                  [][2]string
	Vars                                     map[string]string // shared values, beaten by the recipient's
	Marketing                                bool              // carries List-Unsubscribe and List-Unsubscribe-Post
	Auto                                     bool              // carries Auto-Submitted: auto-generated
	ListID, FeedbackID                       string            // header values, "" to leave out
}

// Template is compiled content.
type Template struct{}

// Fault names a member of the content that cannot be sent, for the caller: pointer "/subject", code, what to change.
type Fault struct{ Pointer, Code, Detail string }

func (f *Fault) Error() string { panic("contract") }

// CompileEmail and CompileSMS check content once per batch. Errors are *Fault.
func CompileEmail(c Content) (*Template, error) { panic("contract") }
func CompileSMS(c Content) (*Template, error)   { panic("contract") }

// Required lists the variables without default and without shared value: each recipient must bring them.
// The names unsubscribe_url and preferences_url are given by the gateway and never listed.
func (t *Template) Required() []string { panic("contract") }

// Recipient is what differs from mail to mail.
type Recipient struct {
	To             string
	Vars           map[string]string
	MessageID      string // without angle brackets
	Date           time.Time
	UnsubscribeURL string // https one-click URL; Marketing mail without it is an error
	UnsubscribeTo  string // mailbox of the mailto: form, "" to leave out
	PreferencesURL string // page link for bodies ({{unsubscribe_url}} in bodies is this link)
}

// AppendEmail appends the mail's bytes (CRLF, 7-bit clean unless SMTPUTF8 is needed), unsigned.
func (t *Template) AppendEmail(dst []byte, r Recipient) ([]byte, error) { panic("contract") }

// AppendSMS appends the text.
func (t *Template) AppendSMS(dst []byte, r Recipient) ([]byte, error) { panic("contract") }

// Signer signs mails of one domain (RFC 6376, RFC 8463) with each of its keys.
type Signer struct{}

// SigningKey is one DKIM key.
type SigningKey struct {
	Domain, Selector string
	PEM              []byte // PKCS#8 private key: RSA of 2,048 bits or more, or Ed25519
}

func NewSigner(keys []SigningKey) (*Signer, error) { panic("contract") }

// AppendSigned appends the mail with its DKIM-Signature fields in front.
func (s *Signer) AppendSigned(dst, mail []byte) ([]byte, error) { panic("contract") }
