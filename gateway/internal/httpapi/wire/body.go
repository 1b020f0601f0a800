package wire

import (
	"errors"
	"fmt"
	"io"
	"net"

	"heed/gateway/internal/httpapi/problem"
)

const (
	maxGrowth  = 200     // times a compressed body may grow
	freeGrowth = 1 << 20 // bytes that are not asked how they came about
)

// Source says where a body comes from.
type Source struct {
	From   io.Reader // nil: there is no body
	Conn   *Conn
	Length int64     // announced; -1 for chunks
	Coding string    // Content-Encoding
	Hash   io.Writer // gets the bytes as they came over the wire; nil: nobody
}

// Body reads a request's body: paced, decompressed, counted. It takes the connection's bytes and nothing of the next request.
type Body struct {
	in      incoming
	decoded io.Reader
	got     int64 // bytes that came out of decoded
	limit   int64 // most of them; 0: none
	coded   bool
	release func() // gives the decompressor back
}

// Open prepares a body for reading. limit bounds the decoded bytes; 0 is for streams that are used up piece by piece. The body is
// there, to be asked and released, after an error too.
func Open(s Source, limit int64) (*Body, error) {
	b := &Body{limit: limit, coded: !plain(s.Coding)}
	b.in = incoming{from: s.From, conn: s.Conn, length: s.Length, pace: newPace(), done: s.From == nil}
	if s.From != nil && s.Hash != nil {
		b.in.from = io.TeeReader(s.From, s.Hash)
	}
	b.decoded = &b.in
	if b.coded {
		return b, b.decode(s.Coding)
	}
	if limit > 0 && s.Length > limit {
		return b, tooLarge(limit)
	}
	return b, nil
}

// decode puts the decompressor in front of the wire.
func (b *Body) decode(coding string) error {
	d, giveBack, err := borrow(coding)
	if err != nil {
		return err
	}
	b.decoded, b.release = d, giveBack
	if err := d.Reset(&b.in); err != nil {
		return b.fault(err)
	}
	return nil
}

func tooLarge(limit int64) error {
	return problem.New("body_too_large", fmt.Sprintf("The body may have at most %d bytes.", limit))
}

// Ended tells whether the body's end was read off the connection.
func (b *Body) Ended() bool { return b.in.done }

// Failed tells whether the connection gave an error before the body's end.
func (b *Body) Failed() bool { return b.in.failed != nil }

// Release gives the decompressor back. The body cannot be read afterwards.
func (b *Body) Release() {
	if b.release != nil {
		b.release()
		b.release = nil
	}
}

// Read gives decoded bytes. Every error but io.EOF is a *problem.Problem; io.EOF means that the body came whole.
func (b *Body) Read(p []byte) (int, error) {
	n, err := b.decoded.Read(p)
	b.got += int64(n)
	switch {
	case b.limit > 0 && b.got > b.limit:
		return 0, tooLarge(b.limit)
	case b.coded && b.got > freeGrowth && b.got > maxGrowth*b.in.got:
		return 0, problem.New("compression_ratio", fmt.Sprintf("A compressed body may grow to at most %d times its size.", maxGrowth))
	case err == io.EOF && b.coded:
		return n, b.tail()
	case err != nil && err != io.EOF:
		return n, b.fault(err)
	}
	return n, err
}

// tail reads what follows a compressed stream. There must be nothing, and the wire's own end has to be read to keep the connection.
func (b *Body) tail() error {
	var rest [1]byte
	for !b.in.done {
		if more, err := b.in.Read(rest[:]); more > 0 {
			return problem.New("bad_encoding", "Bytes follow the compressed stream.")
		} else if err != nil && err != io.EOF {
			return b.fault(err)
		}
	}
	return io.EOF
}

// fault turns a reading error into an answer. The wire's own error is the cause if there is one: a decompressor only reports its echo.
func (b *Body) fault(err error) error {
	if b.in.failed != nil {
		err = b.in.failed
	}
	var p *problem.Problem
	var timeout net.Error
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &timeout) && timeout.Timeout():
		return problem.New("request_timeout", "The body came too slowly.")
	case b.coded && b.in.failed == nil:
		return problem.New("bad_encoding", "The compressed body is damaged or incomplete.")
	}
	return problem.New("bad_request", "The body's framing is broken.")
}
