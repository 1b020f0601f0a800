package httpapi

import (
	"io"
	"strings"

	"heed/gateway/internal/httpapi/ndjson"
	"heed/gateway/internal/httpapi/strictjson"
	"heed/gateway/internal/httpapi/wire"
)

// openBody prepares the call's body for reading. limit bounds the decoded bytes; 0 is for streams that are used up piece by piece. What a
// handler leaves unread is dealt with by call.settle.
func (c *call) openBody(limit int64) (*wire.Body, error) { return c.openHashed(limit, nil) }

// openHashed is openBody with every byte of the wire written to hash.
func (c *call) openHashed(limit int64, hash io.Writer) (b *wire.Body, err error) {
	h := &c.ctx.Request.Header
	source := wire.Source{Conn: c.conn(), Length: int64(h.ContentLength()), Coding: string(h.ContentEncoding()), Hash: hash}
	if from := c.ctx.RequestBodyStream(); from != nil {
		source.From = from
	}
	c.body, err = wire.Open(source, limit)
	return c.body, err
}

// readBody reads the whole body into memory. The bytes belong to the call and go back when the call ends.
func (c *call) readBody(limit int64) ([]byte, error) {
	b, err := c.openBody(limit)
	if err != nil {
		return nil, err
	}
	memory, room := c.memory()
	if c.buffer, err = memory.Take(room, c.share); err != nil {
		return nil, err
	}
	if err := c.buffer.Fill(b); err != nil {
		return nil, err
	}
	return c.buffer.B, nil
}

// memory is where the call's body goes. What is slow to come may fill the memory of its own kind only: opt-outs wait for no campaign, and
// callers with a key not for anybody without. A body that is here already, as one click's is, waits for nobody.
func (c *call) memory() (m *wire.Memory, room int) {
	switch {
	case c.arrived():
		return c.server.arrived, c.ctx.Request.Header.ContentLength()
	case c.route.scope == public:
		return c.server.outside, wire.Reserved
	case strings.HasPrefix(c.route.pattern, "/v1/suppressions"):
		return c.server.listed, wire.Reserved
	}
	return c.server.bulk, wire.Reserved
}

// arrived tells whether the whole body was read before the handler began, and is as small as it came.
func (c *call) arrived() bool {
	h := &c.ctx.Request.Header
	return h.ContentLength() >= 0 && h.ContentLength() <= prefetched && len(h.ContentEncoding()) == 0
}

// readJSON reads a small body into dst.
func (c *call) readJSON(dst any) error {
	if _, err := c.needType(typeJSON); err != nil {
		return err
	}
	raw, err := c.readBody(c.route.limit)
	if err != nil {
		return err
	}
	return strictjson.Decode(raw, dst)
}

// openLines prepares r for reading by lines of at most block bytes, whose memory belongs to the call.
func (c *call) openLines(r io.Reader, block int) (l *ndjson.Lines, err error) {
	if c.buffer, err = c.server.bulk.Take(block, c.share); err != nil {
		return nil, err
	}
	return ndjson.New(r, c.buffer.B[:block]), nil
}
