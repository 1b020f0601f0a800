// Package ndjson reads bodies line by line in bounded memory: one block, in which the lines lie without copies.
//
// A Lines is for one goroutine. It gives bytes, not JSON: what stands in a line is its reader's matter.
package ndjson

import (
	"bytes"
	"fmt"
	"io"

	"heed/gateway/internal/httpapi/problem"
)

// Lines reads block by block. Lines lie in the block until the next Fill or FillBlock.
type Lines struct {
	from       io.Reader
	buf        []byte
	start, end int
	n          int
	over       bool
}

// New reads from r into block, which is as long as the longest line may be.
func New(r io.Reader, block []byte) *Lines { return &Lines{from: r, buf: block} }

// Line is the number of the line that Next gave last, from 1.
func (l *Lines) Line() int { return l.n }

// Next gives the next line of the block without its end; ok is false when the rest of the block is no whole line. Blank lines
// are counted and passed over.
func (l *Lines) Next() (line []byte, ok bool) {
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

// Fill reads on after Next has given false. Lines given before are gone. io.EOF means that there is nothing more; a line longer than
// the block is a *problem.Problem; other errors are the reader's.
func (l *Lines) Fill() error {
	if l.over {
		return io.EOF
	}
	l.end = copy(l.buf, l.buf[l.start:l.end])
	l.start = 0
	if l.end == len(l.buf) {
		return l.tooLong()
	}
	return l.read()
}

// FillBlock is Fill for those who want many lines at a time: it reads until the block is full.
func (l *Lines) FillBlock() error {
	err := l.Fill()
	for err == nil && !l.over && l.end < len(l.buf) {
		err = l.read()
	}
	return err
}

// read reads once into what is free of the block.
func (l *Lines) read() error {
	n, err := l.from.Read(l.buf[l.end:])
	l.end += n
	if err == io.EOF {
		l.over = true
		return nil
	}
	return err
}

func (l *Lines) tooLong() error {
	p := problem.New("too_long", fmt.Sprintf("The line is longer than %d bytes.", len(l.buf)))
	p.Faults = []problem.Fault{{Line: l.n + 1, Code: p.Code, Detail: p.Detail}}
	return p
}

// First reads the first line. A body without one is a *problem.Problem.
func (l *Lines) First() ([]byte, error) {
	for {
		if line, ok := l.Next(); ok {
			return line, nil
		}
		if err := l.Fill(); err == io.EOF {
			return nil, problem.At("", "missing", "The body is empty; line 1 holds the shared part.")
		} else if err != nil {
			return nil, err
		}
	}
}
