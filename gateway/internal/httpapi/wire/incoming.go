package wire

import (
	"io"
	"time"

	"heed/gateway/internal/httpapi/problem"
)

// incoming reads a body's bytes as they come over the connection.
type incoming struct {
	from   io.Reader
	conn   *Conn
	length int64 // announced; -1 for chunks
	got    int64
	pace   pace
	done   bool // the body's end was read
	failed error
}

// Read gives the bytes of the wire. It ends with io.EOF only if the body is complete: fasthttp v1.74.0 also reports io.EOF when
// the client closes its side inside an announced length or between two chunks, and half a batch must not pass for a whole one.
func (w *incoming) Read(p []byte) (int, error) {
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
		err = problem.New("body_truncated", "The connection closed before the body was complete.")
	case err == io.EOF:
		w.done = true
		return n, io.EOF
	case err == nil && w.pace.budget <= 0:
		err = problem.New("request_timeout", "The body came too slowly.")
	}
	w.failed = err
	return n, err
}

// timed reads with the deadline that the pace allows.
func (w *incoming) timed(p []byte) (int, error) {
	start := time.Now()
	if err := w.conn.SetReadDeadline(start.Add(w.pace.budget)); err != nil {
		return 0, err
	}
	n, err := w.from.Read(p)
	w.pace = w.pace.next(time.Since(start), n)
	return n, err
}
