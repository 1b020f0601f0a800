// Package batchjson reads the bodies of send calls: a JSON object with recipients, or NDJSON (a line with the shared part, then
// a line a recipient). It refuses duplicate and unknown keys, invalid UTF-8, deep nesting and wrong types, and says where (RFC 6901).
// It allocates nothing per recipient. Pure. A Decoder is for one goroutine.
package batchjson

// Shared is the shared part as it stands on the wire.
type Shared struct {
	Channel, Class, Topic, From, ReplyTo, Subject, HTML, Text, Body string
	Headers                                                         [][2]string
	Vars                                                            map[string]string
	SendAt, ExpiresAt                                               string
	TemplateID                                                      string
}

// Recipient is one recipient; its slices lie in the body that was decoded (strings are unescaped in place).
type Recipient struct {
	To              []byte
	Vars            []byte // the raw JSON object (flat: string, number, bool or null values), or nil
	ClientRef       []byte
	FallbackChannel []byte
	FallbackTo      []byte
}

// Error is a fault in a body.
type Error struct {
	Pointer string // RFC 6901, such as "/recipients/17/to"; for NDJSON the pointer is within the line
	Line    int    // NDJSON line from 1; 0 for JSON
	Code    string // "syntax", "duplicate_key", "unknown_key", "wrong_type", "invalid_utf8", "too_deep", "too_many", "missing", "too_long"
	Detail  string // what to change
}

func (e *Error) Error() string { panic("contract") }

// Limits bound a body.
type Limits struct {
	Recipients int // most recipients of a JSON body, such as 10,000
	Depth      int // most nesting, such as 16
}

// Decoder reads bodies, reusing its memory from one to the next.
type Decoder struct {
	Shared     Shared
	Recipients []Recipient
}

// Batch reads a JSON body of POST /v1/batches. It changes body in place.
func (d *Decoder) Batch(body []byte, l Limits) error { panic("contract") }

// Message reads a JSON body of POST /v1/messages: the shared members and those of one recipient in one object.
func (d *Decoder) Message(body []byte, l Limits) error { panic("contract") }

// Head reads line 1 of an NDJSON body.
func (d *Decoder) Head(line []byte, l Limits) error { panic("contract") }

// Line reads a recipient line and appends to Recipients. n is the line's number, from 2.
func (d *Decoder) Line(line []byte, n int, l Limits) error { panic("contract") }

// Names calls fn with each member name of a flat variables object such as Recipient.Vars. Requires: vars came from a Decoder.
func Names(vars []byte, fn func(name []byte)) { panic("contract") }

// AppendVars adds the members of a flat variables object to dst, values as text (null is "").
func AppendVars(dst map[string]string, vars []byte) error { panic("contract") }
