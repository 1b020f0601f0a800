// Package batch holds what was accepted, as pure values: the shared part of a batch (Head), its packed recipients, and the
// ids by which both are known. No I/O, no clock.
package batch

import (
	"errors"
	"time"

	"heed/suppression/policy"
)

// ID names a batch: a UUIDv7 (RFC 9562), shown as "bat_" and 26 Crockford base-32 digits.
type ID [16]byte

// NewID makes an id from a time and 10 random bytes.
func NewID(now time.Time, random [10]byte) ID { panic("contract") }

func (id ID) String() string { panic("contract") }

// ParseID reads "bat_…".
func ParseID(s string) (ID, error) { panic("contract") }

// MessageID names recipient index of batch id: "msg_<26 digits>-<index>".
func MessageID(id ID, index uint32) string { panic("contract") }

// ParseMessageID reads "msg_…".
func ParseMessageID(s string) (ID, uint32, error) { panic("contract") }

// ErrID says that a text is not an id.
var ErrID = errors.New("batch: not an id")

// Head is the shared part of a batch: everything but its recipients. Encoded once per batch.
type Head struct {
	Tenant   string
	Channel  policy.Channel
	Class    policy.Class
	Topic    string
	From     string
	ReplyTo  string
	Subject  string
	HTML     string
	Text     string
	Body     string            // SMS text; for an email batch: the text of rerouted messages
	Headers  [][2]string       // allow-listed headers, in the caller's order
	Vars     map[string]string // shared variables
	SendAt   time.Time         // zero: now
	Expires  time.Time         // zero: the class's default applies
	Created  time.Time
	Template string // id and version of the template used, "" if none
	Closing  bool   // the template is tagged "closing"
	Count    uint32 // recipients named by the caller, accepted or not (0 until known, for streams)
}

// Encode and DecodeHead are inverses. The format is versioned.
func (h *Head) Encode() []byte           { panic("contract") }
func DecodeHead(b []byte) (*Head, error) { panic("contract") }

// Recipient is one recipient of a batch as it is stored. The slices belong to the segment it was read from.
type Recipient struct {
	To        []byte // as the caller gave it
	Vars      []byte // a flat JSON object, or empty
	ClientRef []byte
	// Code says why a recipient was not accepted ("unsubscribe_all", "address_syntax", "duplicate"); empty for an accepted one.
	Code []byte
}

// Packer packs recipients into a segment payload. The zero Packer is ready; Reset lets one be used again without allocation.
type Packer struct {
	buf []byte
	n   int
}

func (p *Packer) Reset()             { panic("contract") }
func (p *Packer) Append(r Recipient) { panic("contract") }
func (p *Packer) Len() int           { panic("contract") }

// Bytes is the payload (format version, count, recipients, checksum); valid until the next call.
func (p *Packer) Bytes() []byte { panic("contract") }

// Segment is an opened payload: random access to its recipients.
type Segment struct {
	payload []byte
	offsets []uint32
}

// Open checks and indexes a payload, reusing s's memory. Damaged bytes are an error, never a panic.
func (s *Segment) Open(payload []byte) error { panic("contract") }
func (s *Segment) Len() int                  { panic("contract") }
func (s *Segment) At(i int) Recipient        { panic("contract") }
