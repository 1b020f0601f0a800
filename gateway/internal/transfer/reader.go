package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"heed/gateway/internal/catalog"
	"heed/suppression/policy"
)

// Defaults say how a file is to be read, and what holds where it does not say.
type Defaults struct {
	Format  Format         `json:"format"`
	Channel policy.Channel `json:"channel,omitempty"` // of rows that name none
	Region  string         `json:"region,omitempty"`  // of phone numbers without "+"; ISO 3166-1 alpha-2
	Reason  policy.Reason  `json:"reason,omitempty"`  // of rows that name none
	Topic   string         `json:"topic,omitempty"`   // of topic opt-outs that name none
	// Keys permits rows that name their address by key, as Export writes them. A key names any tenant's address: only an operator may.
	Keys bool `json:"keys,omitempty"`
}

// ErrFormat says that a file cannot be read in the format it is said to have. It wraps what to change.
var ErrFormat = errors.New("transfer: not a file of this format")

// Mark is a place between two rows of a file.
type Mark struct {
	Offset int64  `json:"offset"`
	Line   int    `json:"line"`
	Open   string `json:"open,omitempty"` // JSON brackets around the place
}

// Reader reads the suppressions of one file. For one goroutine.
type Reader struct {
	w       *window
	layout  layout
	d       Defaults
	csv     csvRows
	objects objects
	isJSON  bool
	members members
	header  []column // meaning of each CSV column; columnCount for none
	values  values
	entry   Entry
	rest    []byte            // topics of the present row still to come
	pending bool              // there are some
	topics  map[string]string // names seen, so that each is in memory once
}

// layout is how a file is read; ErrFormat says what is wrong with the defaults, whatever is in the file.
func (d *Defaults) layout() (l layout, err error) {
	if d.Format == "" {
		return l, fmt.Errorf("%w: the format is not given: name one of %v", ErrFormat, Formats())
	}
	l, ok := layouts[d.Format]
	if !ok {
		return l, fmt.Errorf("%w: no format is named %q: write one of %v", ErrFormat, d.Format, Formats())
	}
	if d.Reason != 0 && !d.Reason.Stored() {
		return l, fmt.Errorf("%w: the default reason is none that a list keeps", ErrFormat)
	}
	if d.Topic != "" && !validTopic([]byte(d.Topic)) {
		return l, fmt.Errorf("%w: the default topic is not a topic: %s", ErrFormat, remedies[BadTopic])
	}
	return l, nil
}

// NewReader reads the beginning of a file and finds out what it is. An error is ErrFormat or the reader's own.
func NewReader(r io.Reader, d Defaults) (*Reader, error) {
	l, err := d.layout()
	if err != nil {
		return nil, err
	}
	w := newWindow(r)
	for !w.full() && w.more() {
	}
	if err := w.failed(); err != nil {
		return nil, fmt.Errorf("read import: %w", err)
	}
	if bytes.HasPrefix(w.bytes(), []byte("\xef\xbb\xbf")) {
		w.done(3)
	}
	rd := &Reader{w: w, layout: l, d: d, csv: csvRows{w: w}, objects: objects{w: w}, topics: map[string]string{}}
	first := bytes.TrimLeft(w.bytes(), " \t\r\n")
	if len(first) == 0 {
		return nil, fmt.Errorf("%w: the file is empty", ErrFormat)
	}
	if rd.isJSON = first[0] == '{' || first[0] == '['; rd.isJSON {
		return rd, rd.foreignRow()
	}
	return rd, rd.readHeader()
}

// Resume opens a file as NewReader does and goes on at a mark of an earlier Reader of it.
func Resume(r io.ReadSeeker, d Defaults, m Mark) (*Reader, error) {
	rd, err := NewReader(r, d)
	if err != nil || m == (Mark{}) {
		return rd, err
	}
	if _, err := r.Seek(m.Offset, io.SeekStart); err != nil {
		return nil, fmt.Errorf("resume import: %w", err)
	}
	w := rd.w
	w.start, w.end, w.err, w.offset, w.line = 0, 0, nil, m.Offset, m.Line
	rd.objects.open = append(rd.objects.open[:0], m.Open...)
	return rd, nil
}

// Mark is the place behind the latest row. Requires: Pending is false.
func (r *Reader) Mark() Mark {
	return Mark{Offset: r.w.offset, Line: r.w.line, Open: string(r.objects.open)}
}

// Pending reports whether the latest row has more entries to give.
func (r *Reader) Pending() bool { return r.pending }

// Next reads the next entry into e, which is valid until the call after. A *RowError rejects a row and is not the end; io.EOF is, and any other error
// is the file's own. No allocation per entry, but for times in words and topics not seen before.
func (r *Reader) Next(e *Entry) error {
	if !r.Pending() {
		if err := r.row(); err != nil {
			return err
		}
	}
	*e = r.entry
	return r.nextTopic(e)
}

// row reads the next row of the file into r.entry, and its topics into r.rest.
func (r *Reader) row() error {
	line, err := r.next()
	if err != nil {
		return err
	}
	if code := r.layout.entry(&r.values, &r.d, &r.entry); code != "" {
		return &RowError{line, code}
	}
	r.entry.Line = line
	if r.layout.topics {
		r.rest = bytes.Trim(r.values[topic], " []")
	}
	return nil
}

// next reads the values of the next row, whichever kind of file it is.
func (r *Reader) next() (line int, err error) {
	if !r.isJSON {
		fields, line, err := r.csv.next()
		if err == nil {
			r.take(fields)
		}
		return line, err
	}
	for {
		row, line, err := r.objects.next()
		if err != nil {
			return line, err
		}
		isRow, err := r.members.read(row, r.layout.columns, &r.values)
		if err != nil {
			return line, r.objects.fault(Unreadable)
		}
		if r.objects.took(row); isRow {
			return line, nil
		}
	}
}

// take sorts the fields of a CSV record by meaning.
func (r *Reader) take(fields [][]byte) {
	r.values = values{}
	for i, f := range fields {
		if i < len(r.header) && r.header[i] < columnCount && r.values[r.header[i]] == nil {
			r.values[r.header[i]] = bytes.TrimSpace(f)
		}
	}
}

// nextTopic gives e its topic: the row's next one, "*" being all of them.
func (r *Reader) nextTopic(e *Entry) error {
	if !r.layout.topics {
		return r.oneTopic(e, r.values[topic])
	}
	name, rest, more := bytes.Cut(r.rest, comma)
	r.rest, r.pending = rest, more
	if name = bytes.Trim(name, ` "'`); len(name) == 0 || string(name) == "*" {
		e.Reason = policy.UnsubscribeAll
		return nil
	}
	return r.setTopic(e, name)
}

func (r *Reader) oneTopic(e *Entry, name []byte) error {
	switch {
	case !e.Reason.Topical(): // every other row speaks for all topics
		return nil
	case len(name) > 0:
		return r.setTopic(e, name)
	case r.d.Topic == "" && !e.Keyed:
		return &RowError{e.Line, NoTopic}
	}
	e.Topic = r.d.Topic
	return nil
}

// maxTopics bounds how many names are remembered; a file with more pays for each row.
const maxTopics = 1024

func (r *Reader) setTopic(e *Entry, name []byte) error {
	known, ok := r.topics[string(name)]
	if !ok {
		if !validTopic(name) {
			return &RowError{e.Line, BadTopic}
		}
		known = string(name)
		if len(r.topics) < maxTopics {
			r.topics[known] = known
		}
	}
	e.Topic = known
	return nil
}

// validTopic reports whether a topic of this name can be declared; no other can be sent on, so leaving it would block nothing.
func validTopic(name []byte) bool {
	return catalog.Topic{ID: string(name), Name: "any"}.Check() == nil
}

// readHeader reads the first record as names of columns, or finds that the file has none and needs none.
func (r *Reader) readHeader() error {
	first := r.w.bytes()
	if n := recordLen(first); n > 0 {
		first = first[:n]
	}
	fields := splitRecord(nil, bytes.TrimRight(bytes.Clone(first), "\r\n"))
	if err := r.layout.foreign(fields); err != nil {
		return err
	}
	r.header = headerOf(fields, r.layout.columns)
	if slices.Contains(r.header, addr) || slices.Contains(r.header, key) {
		r.w.done(len(first))
		return nil
	}
	if r.layout.bare == nil || bytes.IndexByte(fields[0], '@') < 0 {
		return fmt.Errorf("%w: line 1 names no column of addresses: the first line holds the names of the columns, with commas between", ErrFormat)
	}
	r.header = r.layout.bare
	return nil
}

// headerOf gives the meaning of each column by its name.
func headerOf(names [][]byte, columns map[string]column) []column {
	header := make([]column, len(names))
	for i, name := range names {
		c, ok := columns[string(plainName(make([]byte, 0, maxName), name))]
		if header[i] = c; !ok {
			header[i] = columnCount
		}
	}
	return header
}
