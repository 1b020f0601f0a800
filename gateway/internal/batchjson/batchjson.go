// Package batchjson reads the bodies of send calls: a JSON object with recipients, or NDJSON (a line with the shared part, then
// a line a recipient). It refuses duplicate and unknown keys, invalid UTF-8, deep nesting and wrong types, and says where (RFC 6901).
// It allocates nothing per recipient. Pure. A Decoder is for one goroutine.
//
// It is a scanner for this one schema: a value goes from the body straight to its field, strings are unescaped where they lie, and
// nothing nests deeper than the schema does. What it takes is RFC 8259 JSON as I-JSON narrows it (RFC 7493 §2.1, §2.3: no lone
// surrogates, no duplicate names), less four things that could only be mistakes in a send call:
//   - NUL, even escaped: no mail or text can carry it;
//   - variable names that are empty, longer than 64 bytes, or hold quotes, backslashes or control characters;
//   - more than 64 variables or headers in one object, variables of more than 64 KiB, numbers of more than 64 characters;
//   - null where the schema has a string or an object: leave the member out instead.
package batchjson

// Bounds that hold whatever the Limits say.
const (
	maxMembers        = 64       // variables or headers in one object: duplicates are found by comparing them all
	maxNameBytes      = 64       // a variable's or header's name
	maxNumberBytes    = 64       // a number, which is kept as text
	maxVarsBytes      = 64 << 10 // one object of variables
	maxClientRefBytes = 128
)

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
	Vars            []byte // the raw JSON object (flat: string, number, bool or null values; no escapes in names), or nil
	ClientRef       []byte
	FallbackChannel []byte
	FallbackTo      []byte
	Line            int // NDJSON line from 1; 0 for JSON
}

// Limits bound a body.
type Limits struct {
	Recipients int // most recipients of a JSON body, such as 10,000
	Depth      int // most nesting, such as 16
}

// Decoder reads bodies, reusing its memory from one to the next.
type Decoder struct {
	Shared     Shared
	Recipients []Recipient
	scan       scanner
}

// Batch reads a JSON body of POST /v1/batches. It changes body in place; Recipients lie in it. Errors are *Error.
// Cost: one pass, allocations only for the shared part and while Recipients grows.
func (d *Decoder) Batch(body []byte, l Limits) error {
	d.reset()
	return d.whole(body, 0, l, d.batch)
}

// Message reads a JSON body of POST /v1/messages: the shared members and those of one recipient in one object. vars are the
// recipient's. Errors are *Error.
func (d *Decoder) Message(body []byte, l Limits) error {
	d.reset()
	return d.whole(body, 0, l, d.message)
}

// Head reads line 1 of an NDJSON body and forgets the recipients read before. Errors are *Error.
func (d *Decoder) Head(line []byte, l Limits) error {
	d.reset()
	return d.whole(line, 1, l, d.head)
}

// Line reads a recipient line and appends to Recipients. n is the line's number, from 2. The recipient lies in line; the caller
// empties Recipients when a chunk is done. Errors are *Error; a refused line appends nothing.
func (d *Decoder) Line(line []byte, n int, l Limits) error {
	kept := len(d.Recipients)
	if err := d.whole(line, n, l, d.line); err != nil {
		d.Recipients = d.Recipients[:kept] // something may follow a recipient that is well-formed
		return err
	}
	d.Recipients[kept].Line = n
	return nil
}

func (d *Decoder) reset() {
	d.Shared = Shared{}
	d.Recipients = d.Recipients[:0]
}

// whole reads a text that holds one value and nothing else. line is its NDJSON line, or 0.
func (d *Decoder) whole(text []byte, line int, l Limits, value func(l Limits) *Error) error {
	s := &d.scan
	err := s.begin(text, l.Depth)
	if err == nil {
		err = value(l)
	}
	if err == nil {
		err = s.end()
	}
	s.buf = nil // the text is the caller's
	if err == nil {
		return nil
	}
	err.Line = line
	return err
}
