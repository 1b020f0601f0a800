package httpapi

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	maxGrowth   = 200     // times a compressed body may grow
	freeGrowth  = 1 << 20 // bytes that are not asked how they came about
	zstdWindow  = 8 << 20 // RFC 8878 §3.1.1.1.2 asks decoders to support this much
	firstBuffer = 256 << 10
)

// body reads a request's body: paced, decompressed, counted. Reading it takes the connection's bytes; what a handler leaves unread is
// dealt with by call.settle.
type body struct {
	wire    wire
	plain   io.Reader // decoded
	got     int64     // bytes that came out of plain
	limit   int64     // most bytes of plain; 0: none
	coded   bool
	release func() // gives the decompressor back
}

// wire reads the body's bytes as they come over the connection.
type wire struct {
	from   io.Reader
	conn   *conn
	length int64 // announced; -1 for chunks
	got    int64
	pace   pace
	done   bool // the body's end was read
	failed error
}

// openBodyHashed is openBody for a stream, with every byte of the wire written to hash.
func openBodyHashed(c *call, hash io.Writer) (*body, error) {
	c.wireHash = hash
	return openBody(c, 0)
}

// openBody prepares the body for reading. limit bounds the decoded bytes; 0 is for streams that are used up piece by piece.
func openBody(c *call, limit int64) (*body, error) {
	b := &body{limit: limit}
	b.wire = wire{from: c.ctx.RequestBodyStream(), conn: c.conn(), length: int64(c.ctx.Request.Header.ContentLength()), pace: newPace()}
	if b.wire.from == nil {
		b.wire.done = true
	} else if c.wireHash != nil {
		b.wire.from = io.TeeReader(b.wire.from, c.wireHash)
	}
	c.body = b
	coding := string(c.ctx.Request.Header.ContentEncoding())
	if limit > 0 && (coding == "" || coding == "identity") && b.wire.length > limit {
		return nil, tooLarge(limit)
	}
	return b, b.decode(coding)
}

func tooLarge(limit int64) error {
	return refuse("body_too_large", fmt.Sprintf("The body may have at most %d bytes.", limit))
}

// Decompressors are reused: their windows are megabytes.
var (
	gzips = sync.Pool{New: func() any { return new(gzip.Reader) }}
	zstds = sync.Pool{New: func() any {
		z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderMaxMemory(1<<40)) // a stream's size is not its memory
		if err != nil {
			panic(err) // the options are constants
		}
		return z
	}}
)

// decode puts the decompressor in front of the wire. Multiple codings are refused: nobody needs them but an attacker.
func (b *body) decode(coding string) error {
	b.coded = true
	switch coding {
	case "", "identity":
		b.plain, b.coded = &b.wire, false
	case "gzip", "x-gzip":
		z := gzips.Get().(*gzip.Reader)
		b.plain, b.release = z, func() { gzips.Put(z) }
		if err := z.Reset(&b.wire); err != nil {
			return b.fault(err)
		}
	case "zstd":
		z := zstds.Get().(*zstd.Decoder)
		b.plain, b.release = z, func() { z.Reset(nil); zstds.Put(z) }
		if err := z.Reset(&b.wire); err != nil {
			return b.fault(err)
		}
	default:
		return refuse("unsupported_media_type", "Content-Encoding may be gzip, zstd or left out.")
	}
	return nil
}

// Read gives decoded bytes. Every error but io.EOF is a *problem; io.EOF means that the body came whole.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.plain.Read(p)
	b.got += int64(n)
	switch {
	case b.limit > 0 && b.got > b.limit:
		return 0, tooLarge(b.limit)
	case b.coded && b.got > freeGrowth && b.got > maxGrowth*b.wire.got:
		return 0, refuse("compression_ratio", fmt.Sprintf("A compressed body may grow to at most %d times its size.", maxGrowth))
	case err == io.EOF && b.coded:
		return n, b.tail()
	case err != nil && err != io.EOF:
		return n, b.fault(err)
	}
	return n, err
}

// tail reads what follows a compressed stream. There must be nothing, and the wire's own end has to be read to keep the connection.
func (b *body) tail() error {
	var rest [1]byte
	for !b.wire.done {
		if more, err := b.wire.Read(rest[:]); more > 0 {
			return refuse("bad_encoding", "Bytes follow the compressed stream.")
		} else if err != nil && err != io.EOF {
			return b.fault(err)
		}
	}
	return io.EOF
}

// fault turns a reading error into an answer. The wire's own error is the cause if there is one: a decompressor only reports its echo.
func (b *body) fault(err error) error {
	if b.wire.failed != nil {
		err = b.wire.failed
	}
	var p *problem
	var timeout net.Error
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &timeout) && timeout.Timeout():
		return refuse("request_timeout", "The body came too slowly.")
	case b.coded && b.wire.failed == nil:
		return refuse("bad_encoding", "The compressed body is damaged or incomplete.")
	}
	return refuse("bad_request", "The body's framing is broken.")
}

// close gives the decompressor back.
func (b *body) close() {
	if b.release != nil {
		b.release()
		b.release = nil
	}
}

// Read gives the bytes of the wire. It ends with io.EOF only if the body is complete: fasthttp v1.74.0 also reports io.EOF when
// the client closes its side inside an announced length or between two chunks, and half a batch must not pass for a whole one.
func (w *wire) Read(p []byte) (int, error) {
	if w.failed != nil {
		return 0, w.failed
	}
	if w.done {
		return 0, io.EOF
	}
	n, err := w.timed(p)
	w.got += int64(n)
	switch {
	case err == io.EOF && (w.length >= 0 && w.got < w.length || w.length < 0 && w.conn.ended):
		err = refuse("body_truncated", "The connection closed before the body was complete.")
	case err == io.EOF:
		w.done = true
		return n, io.EOF
	case err == nil && w.pace.budget <= 0:
		err = refuse("request_timeout", "The body came too slowly.")
	}
	w.failed = err
	return n, err
}

// timed reads with the deadline that the pace allows.
func (w *wire) timed(p []byte) (int, error) {
	start := time.Now()
	if err := w.conn.SetReadDeadline(start.Add(w.pace.budget)); err != nil {
		return 0, err
	}
	n, err := w.from.Read(p)
	w.pace = w.pace.next(time.Since(start), n)
	return n, err
}

// readBody reads the whole body into memory. The buffer belongs to the call and goes back when the call ends.
func readBody(c *call, limit int64) ([]byte, error) {
	b, err := openBody(c, limit)
	if err != nil {
		return nil, err
	}
	buf, err := c.server.memory.take()
	if err != nil {
		return nil, err
	}
	c.buffer = buf
	return fill(c.server.memory, buf, b)
}

// fill reads r to its end. Memory grows with what has come, not with what was announced.
func fill(m *memory, buf *buffer, r io.Reader) ([]byte, error) {
	for {
		if len(buf.b) == cap(buf.b) {
			if err := m.grow(buf, firstBuffer); err != nil {
				return nil, err
			}
		}
		n, err := r.Read(buf.b[len(buf.b):cap(buf.b)])
		buf.b = buf.b[:len(buf.b)+n]
		if err == io.EOF {
			return buf.b, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
