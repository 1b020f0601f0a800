package transfer

import "io"

// maxNesting bounds how deep the objects of a file may lie.
const maxNesting = 16

// objects finds the rows of a JSON file, whether it is a row a line (NDJSON), one array of rows, or an answer of a provider with its
// rows in an array somewhere inside. A row is an object that stands at the top or in an array, and has no such object in it.
// What the rows say is for members to read; this only knows brackets and strings.
type objects struct {
	w *window
	// open holds the brackets around what is in hand, such as "{[" in {"items":[…
	open []byte
	room [maxNesting]byte
}

// next gives the bytes of the next row, valid until the next call. After a fault it goes on at the next line: a bracket that is
// never closed would otherwise take the rows behind it along.
func (o *objects) next() ([]byte, int, error) {
	for {
		b := o.w.bytes()
		f := findObject(b, append(o.room[:0], o.open...))
		o.w.done(f.from)
		if f.broken {
			return nil, o.w.line, o.fault(Unreadable)
		}
		o.open = append(o.open[:0], f.open...)
		switch {
		case f.size > maxRow, f.size == 0 && o.w.full():
			return nil, o.w.line, o.fault(TooLong)
		case f.size > 0:
			return b[f.from : f.from+f.size], o.w.line, nil
		case !o.w.more():
			return nil, o.w.line, o.end()
		}
	}
}

// took lets go of a row that next gave.
func (o *objects) took(row []byte) { o.w.done(len(row)) }

// fault rejects the line in hand.
func (o *objects) fault(code Code) error {
	line := o.w.line
	o.w.skipLine()
	return &RowError{line, code}
}

// end tells a whole file from one that was cut off inside its brackets.
func (o *objects) end() error {
	if err := o.w.failed(); err != nil {
		return err
	}
	if len(o.open) == 0 && len(o.w.bytes()) == 0 {
		return io.EOF
	}
	if len(o.w.bytes()) == 0 {
		o.open = o.open[:0]
	}
	return o.fault(Unreadable)
}

// found is what findObject says of some bytes: how many are done with, the size of the row that follows them (0: none yet), the
// brackets open there, and whether what follows can be no row.
type found struct {
	from, size int
	open       []byte
	broken     bool
}

// findObject looks for the first row in b, inside the brackets open. Only the bytes of a row that has begun are looked at again
// when more come, so the work stays in proportion to the file.
func findObject(b, open []byte) found {
	start, depth := 0, -1 // of the innermost object that may be the row
	for i := 0; i < len(b); i++ {
		in, c := inside(open), b[i]
		switch c {
		case ' ', '\t', '\r', '\n':
		case '{', '[':
			if len(open) == maxNesting {
				return broken(i, start, depth)
			}
			if c == '{' && in != '{' {
				start, depth = i, len(open)
			}
			open = append(open, c)
		case '}', ']':
			if in != c-2 { // in ASCII a closing bracket is two behind its opening one
				return broken(i, start, depth)
			}
			if open = open[:len(open)-1]; depth == len(open) {
				return found{from: start, size: i + 1 - start, open: open}
			}
		default:
			if in == 0 || depth < 0 && in == '[' && c != ',' {
				return broken(i, start, depth)
			}
			if c != '"' {
				continue
			}
			n := stringLen(b[i:])
			if n < 0 {
				return broken(i, start, depth)
			}
			if n == 0 {
				return unfinished(i, start, depth, open)
			}
			i += n - 1
		}
	}
	return unfinished(len(b), start, depth, open)
}

// unfinished: what stands before the row that has begun, or before i, need not be seen again.
func unfinished(i, start, depth int, open []byte) found {
	if depth < 0 {
		return found{from: i, open: open}
	}
	return found{from: start, open: open[:depth]}
}

// broken: the fault is the row's that has begun, or else the byte's at i.
func broken(i, start, depth int) found {
	if depth >= 0 {
		i = start
	}
	return found{from: i, broken: true}
}

// inside is the innermost open bracket, 0 at the top.
func inside(open []byte) byte {
	if len(open) == 0 {
		return 0
	}
	return open[len(open)-1]
}

// stringLen is the length of the JSON string at the start of b with its quotes: 0 if it does not end in b, -1 if a line ends in
// it, which no string may hold (RFC 8259 §7).
func stringLen(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		case '\n':
			return -1
		}
	}
	return 0
}
