package transfer

import (
	"bytes"
	"io"
)

// maxRow bounds a row of a file in bytes. Bounce texts run to some kilobytes.
const maxRow = 64 << 10

// window is the part of a file in hand. It knows where in the file it is.
type window struct {
	r          io.Reader
	buf        []byte
	start, end int
	err        error // of r; io.EOF at the end of the file
	offset     int64 // in the file, of the first byte in hand
	line       int   // of the first byte in hand, from 1
}

func newWindow(r io.Reader) *window {
	return &window{r: r, buf: make([]byte, 4*maxRow), line: 1}
}

// bytes is what is in hand and not done with; valid until more.
func (w *window) bytes() []byte { return w.buf[w.start:w.end] }

// full reports whether as much is in hand as a row may have.
func (w *window) full() bool { return w.end-w.start >= maxRow }

// more reads on and reports whether there was something to read.
func (w *window) more() bool {
	if w.start > 0 && w.end == len(w.buf) {
		w.end = copy(w.buf, w.bytes())
		w.start = 0
	}
	for w.err == nil && w.end < len(w.buf) {
		var n int
		n, w.err = w.r.Read(w.buf[w.end:])
		w.end += n
		if n > 0 {
			return true
		}
	}
	return false
}

// done lets go of the first n bytes in hand.
func (w *window) done(n int) {
	w.line += bytes.Count(w.buf[w.start:w.start+n], newline)
	w.start += n
	w.offset += int64(n)
}

// skipLine lets go of everything up to the end of the line.
func (w *window) skipLine() {
	for {
		if i := bytes.IndexByte(w.bytes(), '\n'); i >= 0 {
			w.done(i + 1)
			return
		}
		w.done(len(w.bytes()))
		if !w.more() {
			return
		}
	}
}

// failed is the error that ended reading, nil at the file's regular end.
func (w *window) failed() error {
	if w.err == io.EOF {
		return nil
	}
	return w.err
}

var newline = []byte("\n")
