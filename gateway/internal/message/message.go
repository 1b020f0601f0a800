// Package message turns a batch's content and a recipient into the bytes of a mail or a text: templates, MIME, DKIM.
//
// Content is compiled once a batch. Everything that does not change from mail to mail is encoded then, and cut where a value goes
// in, so that a message is a handful of copies. It promises:
//   - A value never becomes structure: header values with control characters are refused, values in HTML are escaped, and the boundary
//     cannot occur in a body because quoted-printable never writes "=_" (RFC 2045 §6.7).
//   - The same content and recipient give the same bytes, signature included, so that a second hand-off can be told as one (P3).
//   - Lines end in CRLF and are at most 998 bytes long; all is 7-bit but for an address whose local part needs SMTPUTF8.
//   - Marketing mail carries one-click headers (RFC 8058) and a visible link, or is not made.
//
// It does not judge who may be written to, nor what an HTML part does in a mail reader: values are safe as text and in quoted attributes,
// and the author's markup is sent as it is.
//
// Pure but for the signing keys it is given: no I/O, no clock. A Template and a Signer are safe for concurrent use.
package message

import (
	"strings"
	"time"
)

// Content is what a batch says to everybody. Subject, HTML, Text, Body and the values of Headers are templates: {{name}} and
// {{name | default: "there"}} are replaced, anything else between double braces is a fault.
type Content struct {
	From, ReplyTo, Subject, HTML, Text, Body string
	Headers                                  [][2]string
	Vars                                     map[string]string // shared values, beaten by the recipient's
	Marketing                                bool              // carries List-Unsubscribe and List-Unsubscribe-Post
	Auto                                     bool              // carries Auto-Submitted: auto-generated
	ListID, FeedbackID                       string            // header values, "" to leave out
}

// Template is compiled content. Safe for concurrent use.
type Template struct {
	names  []variable
	sender string // address of From
	fixed  []byte // header fields equal in all mails
	fields []field
	parts  []part
	text   []piece // of an SMS

	marketing bool
}

// Recipient is what differs from mail to mail.
type Recipient struct {
	To             string
	Vars           map[string]string
	Lookup         func(name string) (string, bool) // asked instead of Vars, for callers that have no map; nil: Vars
	MessageID      string                           // without angle brackets
	Date           time.Time
	UnsubscribeURL string // https one-click URL; Marketing mail without it is an error
	UnsubscribeTo  string // mailbox of the mailto: form, "" to leave out
	PreferencesURL string // page link for bodies ({{unsubscribe_url}} in bodies is this link)
}

// Fault names a member of the content, or of a recipient, that cannot be sent. It never holds a recipient's address or value (P6).
type Fault struct {
	// Pointer is relative to the content ("/subject", "/headers/X-Shop") or, from AppendEmail and AppendSMS, to the recipient ("/to", "/vars/name").
	Pointer string
	// Code is one of missing, template_syntax, address_syntax, invalid_utf8, control_character, header_forbidden, header_duplicate, too_long,
	// missing_variable, missing_link.
	Code string
	// Detail says what to change.
	Detail string
}

func (f *Fault) Error() string {
	return "message: " + f.Pointer + ": " + f.Detail + " (" + f.Code + ")"
}

// The bounds of content. They hold what the mailbox providers take with room to spare, and bound the memory of a hostile template.
const (
	maxPart      = 2 << 20  // bytes of HTML or Text as given
	maxMail      = 8 << 20  // bytes of a mail as rendered
	maxHeader    = 4 << 10  // bytes of a subject or header value, as given and as rendered
	maxHeaders   = 50       // headers of the caller's
	maxHeaderSum = 32 << 10 // bytes of all of them as given
	maxTags      = 10_000   // {{…}} of one text
	maxNames     = 1_000    // variables of one content
	maxSMS       = 1600     // UTF-16 units of a text as rendered: the most Twilio takes
	maxSMSGiven  = 16 << 10 // bytes of a text as given
)

// pointerOf makes a JSON pointer (RFC 6901 §3).
func pointerOf(member, name string) string {
	return "/" + member + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
