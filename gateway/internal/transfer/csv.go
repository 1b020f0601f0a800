package transfer

import (
	"bytes"
	"cmp"
	"io"
)

// csvRows reads the records of RFC 4180, with LF or CRLF, and with what people write: blank lines are skipped, and a quote
// inside an unquoted field is itself ("ann smith"@example.org needs no second pair).
type csvRows struct {
	w      *window
	fields [][]byte
}

// next gives the fields of the next record, valid until the next call.
func (c *csvRows) next() ([][]byte, int, error) {
	for {
		line := c.w.line
		record, err := c.record()
		if err != nil {
			return nil, line, err
		}
		if record = bytes.TrimRight(record, "\r\n"); len(record) > 0 {
			c.fields = splitRecord(c.fields[:0], record)
			return c.fields, line, nil
		}
	}
}

// record takes the bytes of the next record, its line end included. A record that does not end, for want of a closing quote or
// within maxRow, costs its first line alone.
func (c *csvRows) record() ([]byte, error) {
	for {
		b := c.w.bytes()
		n := recordLen(b)
		if n == 0 && !c.w.full() && c.w.more() {
			continue
		}
		switch {
		case n == 0 && len(b) == 0:
			return nil, cmp.Or(c.w.failed(), io.EOF)
		case n == 0 && c.w.err == io.EOF && bytes.Count(b, quote)%2 == 0:
			n = len(b) // the last record has no line end
		case n == 0 && c.w.failed() != nil:
			return nil, c.w.failed()
		case n == 0:
			line, code := c.w.line, unended(c.w)
			c.w.skipLine()
			return nil, &RowError{line, code}
		}
		if n > maxRow {
			line := c.w.line
			c.w.done(n)
			return nil, &RowError{line, TooLong}
		}
		c.w.done(n)
		return b[:n], nil
	}
}

// unended says why a record has no end.
func unended(w *window) Code {
	if w.full() {
		return TooLong
	}
	return Unreadable
}

var (
	quote = []byte(`"`)
	comma = []byte(",")
)

// recordLen is the length of the record at the start of b with its line end, 0 if it does not end in b. A line end counts when
// the quotes before it are even: inside a quoted field a quote is written twice.
func recordLen(b []byte) int {
	quotes, n := 0, 0
	for {
		i := bytes.IndexByte(b[n:], '\n')
		if i < 0 {
			return 0
		}
		quotes += bytes.Count(b[n:n+i], quote)
		n += i + 1
		if quotes%2 == 0 {
			return n
		}
	}
}

// splitRecord appends the fields of a record; quoted ones are unquoted in place.
func splitRecord(fields [][]byte, record []byte) [][]byte {
	for {
		field, rest, more := quotedField(record)
		if field == nil {
			field, rest, more = bytes.Cut(record, comma)
		}
		fields = append(fields, field)
		if !more {
			return fields
		}
		record = rest
	}
}

// quotedField takes a quoted field from the start of b; nil if there is none, or if it goes on after its closing quote.
func quotedField(b []byte) (field, rest []byte, more bool) {
	if len(b) == 0 || b[0] != '"' {
		return nil, nil, false
	}
	end := 1
	for ; end < len(b); end++ {
		if b[end] == '"' {
			if end+1 == len(b) || b[end+1] != '"' {
				break
			}
			end++
		}
	}
	switch {
	case end >= len(b):
		return nil, nil, false
	case end+1 < len(b) && b[end+1] != ',':
		return nil, nil, false
	case end+1 < len(b):
		rest, more = b[end+2:], true
	}
	return undouble(b[1:end:end]), rest, more
}

// undouble makes "" one quote, in place.
func undouble(b []byte) []byte {
	i := bytes.IndexByte(b, '"')
	if i < 0 {
		return b
	}
	out := b[:i]
	for ; i < len(b); i++ {
		out = append(out, b[i])
		if b[i] == '"' {
			i++
		}
	}
	return out
}
