package httpapi

import (
	"bytes"
	"fmt"
	"io"
)

// A line of NDJSON is at most a block long: of a batch, whose first line holds a whole mail, and of a list of addresses.
const (
	batchBlock   = 2 << 20
	addressBlock = 64 << 10
)

// lines reads NDJSON block by block. Lines lie in the block, without copies, until the next fill.
type lines struct {
	from       io.Reader
	buf        []byte
	start, end int
	n          int // lines given so far
	over       bool
}

// next gives the next line of the block without its end; ok is false when the rest of the block is no whole line. Blank lines
// are counted and passed over.
func (l *lines) next() (line []byte, ok bool) {
	for l.start < l.end {
		rest := l.buf[l.start:l.end]
		i := bytes.IndexByte(rest, '\n')
		if i < 0 && !l.over {
			return nil, false
		}
		if i < 0 {
			i = len(rest)
		}
		l.start = min(l.start+i+1, l.end)
		l.n++
		if line = bytes.TrimRight(rest[:i], "\r"); len(bytes.TrimSpace(line)) > 0 {
			return line, true
		}
	}
	return nil, false
}

// fill reads on after next has given false. Lines given before are gone. io.EOF means that there is nothing more.
func (l *lines) fill() error {
	if l.over {
		return io.EOF
	}
	l.end = copy(l.buf, l.buf[l.start:l.end])
	l.start = 0
	if l.end == len(l.buf) {
		p := refuse("too_long", fmt.Sprintf("The line is longer than %d bytes.", len(l.buf)))
		p.faults = []fault{{Line: l.n + 1, Code: p.code, Detail: p.detail}}
		return p
	}
	n, err := l.from.Read(l.buf[l.end:])
	l.end += n
	if err == io.EOF {
		l.over = true
		return nil
	}
	return err
}

// fillBlock reads until the block is full, for those who want many lines at a time.
func (l *lines) fillBlock() error {
	if err := l.fill(); err != nil {
		return err
	}
	for !l.over && l.end < len(l.buf) {
		n, err := l.from.Read(l.buf[l.end:])
		l.end += n
		if err == io.EOF {
			l.over = true
		} else if err != nil {
			return err
		}
	}
	return nil
}

// openLines prepares a call's body, read from r, for reading by lines.
func (c *call) openLines(r io.Reader, block int) (*lines, error) {
	if c.buffer == nil {
		buf, err := c.server.memory.take()
		if err != nil {
			return nil, err
		}
		c.buffer = buf
	}
	if err := c.server.memory.grow(c.buffer, block); err != nil {
		return nil, err
	}
	return &lines{from: r, buf: c.buffer.b[:block]}, nil
}

// first reads the first line; a body without one is refused.
func (l *lines) first() ([]byte, error) {
	for {
		if line, ok := l.next(); ok {
			return line, nil
		}
		if err := l.fill(); err == io.EOF {
			return nil, refuseAt("", "missing", "The body is empty; line 1 holds the shared part.")
		} else if err != nil {
			return nil, err
		}
	}
}
