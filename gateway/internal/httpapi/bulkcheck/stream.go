package bulkcheck

import (
	"context"
	"fmt"
	"io"

	"heed/gateway/internal/httpapi/ndjson"
	"heed/gateway/internal/httpapi/problem"
	"heed/gateway/internal/httpapi/strictjson"

	"github.com/go-json-experiment/json/jsontext"
)

// lotSize is how many addresses are looked up together: enough to hide memory latency.
const lotSize = 1000

// Stream is the answer to a stream of addresses, a line each, worked out as it is read.
type Stream struct {
	ctx     context.Context
	check   *Check
	lines   *ndjson.Lines
	request string // its id, for the line that tells of a fault
	out     []byte // answered, not yet read
	spare   []byte
	failed  error
}

// NewStream reads the question from the first line, and answers for the addresses of the others as it is read itself. ctx is for the list.
// Errors are *problem.Problem, or the lines'.
func NewStream(ctx context.Context, p Parts, l *ndjson.Lines, request string) (*Stream, error) {
	line, err := l.First()
	if err != nil {
		return nil, err
	}
	var in Question
	if err := strictjson.Decode(line, &in); err != nil {
		return nil, err
	}
	if in.Addresses != nil {
		return nil, problem.At("/addresses", "unknown_key", "In NDJSON each address has a line of its own.")
	}
	k, err := New(p, in)
	if err != nil {
		return nil, err
	}
	return &Stream{ctx: ctx, check: k, lines: l, request: request}, nil
}

// Read gives a line for each address. A fault is told in a last line; the error that follows it is for the connection, which has to end
// without the mark of a whole answer.
func (s *Stream) Read(p []byte) (int, error) {
	for len(s.out) == 0 && s.failed == nil {
		s.out, s.failed = s.more(s.spare[:0])
		s.spare = s.out
	}
	if len(s.out) == 0 {
		return 0, s.failed
	}
	n := copy(p, s.out)
	s.out = s.out[n:]
	return n, nil
}

// more appends the answers to the next lot.
func (s *Stream) more(dst []byte) ([]byte, error) {
	err := s.readLot()
	if err == nil || err == io.EOF {
		out, failed := s.check.answer(s.ctx, dst, '\n')
		if failed == nil {
			return out, err
		}
		err = failed
	}
	p := problem.Of(err)
	return fmt.Appendf(dst, `{"error":{"code":%q,"line":%d,"instance":%q}}`+"\n", p.Code, s.lines.Line(), s.request), err
}

// readLot collects what the block holds, or reads on if it holds nothing.
func (s *Stream) readLot() error {
	for {
		if err := s.takeLines(); err != nil || len(s.check.lot) > 0 {
			return err
		}
		if err := s.lines.Fill(); err != nil {
			return err
		}
	}
}

// takeLines puts what the block holds into the lot, until that is full.
func (s *Stream) takeLines() error {
	for len(s.check.lot) < lotSize {
		line, ok := s.lines.Next()
		if !ok {
			return nil
		}
		if err := s.check.addLine(line); err != nil {
			return err
		}
	}
	return nil
}

// addressLine is a line of the long form.
type addressLine struct {
	Address *string `json:"address"`
}

// addLine puts the address of a line into the lot: a JSON string, or {"address":...}.
func (k *Check) addLine(line []byte) error {
	if line[0] == '"' {
		raw := jsontext.Value(line)
		if raw.IsValid() && k.addString(raw) {
			return nil
		}
		return problem.At("", "syntax", "The line is no JSON string.")
	}
	var in addressLine
	if err := strictjson.Decode(line, &in); err != nil {
		return err
	}
	if in.Address == nil {
		return problem.At("/address", "missing", `A line is a string, or {"address":"..."}.`)
	}
	k.add([]byte(*in.Address))
	return nil
}
