package httpapi

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"heed/suppression"
	"heed/suppression/policy"

	"github.com/go-json-experiment/json/jsontext"
)

const mostChecked = 10_000

// checkBody is the body of POST /v1/suppressions/check, or line 1 of its NDJSON form.
type checkBody struct {
	Channel   string         `json:"channel"`
	Class     string         `json:"class"` // "" = marketing
	Topic     string         `json:"topic"`
	Addresses jsontext.Value `json:"addresses"` // of the JSON form: read one by one, without an allocation each
}

// checkAddresses is POST /v1/suppressions/check ("scrub my list"): would a message of this kind go out?
func (s *Server) checkAddresses(c *call) error {
	kind, err := c.needType(typeJSON, typeNDJSON, typeJSONL)
	if err != nil {
		return err
	}
	if kind == typeJSON {
		return s.checkWhole(c)
	}
	return s.checkStream(c)
}

func (s *Server) checkWhole(c *call) error {
	raw, err := readBody(c, s.o.BatchBytes)
	if err != nil {
		return err
	}
	var in checkBody
	if err := decodeJSON(raw, &in); err != nil {
		return err
	}
	k, err := s.newCheck(c, in)
	if err != nil {
		return err
	}
	if err := k.readArray(in.Addresses); err != nil {
		return err
	}
	out, err := k.answer(c.context(), []byte(`{"results":[`), ',')
	if err != nil {
		return err
	}
	out = fmt.Appendf(out, `],"allowed":%d,"suppressed":%d,"invalid":%d}`, k.allowed, k.suppressed, k.invalid)
	c.respond(200, typeJSON, out)
	return nil
}

// check looks addresses up in bulk. Its memory is reused from one lot to the next. For one goroutine.
type check struct {
	list    List
	table   *policy.Table
	query   policy.Query
	ring    *keyring
	lot     []checked
	keys    []suppression.Key
	hit     []bool
	rows    []suppression.Row
	matches []policy.Row
	text    []byte // one unquoted address
	n       int    // addresses answered

	allowed, suppressed, invalid int
}

// checked is one address of a lot: where its keys lie, or the code of what is wrong with it.
type checked struct {
	first, keys int
	code        string
}

func (s *Server) newCheck(c *call, in checkBody) (*check, error) {
	q := policy.Query{Class: policy.Marketing, Topic: in.Topic, Now: s.o.Now()}
	var ok bool
	if q.Channel, ok = policy.ParseChannel(in.Channel); !ok {
		return nil, refuseAt("/channel", "invalid", "Use email or sms.")
	}
	if in.Class != "" {
		if q.Class, ok = policy.ParseClass(in.Class); !ok {
			return nil, refuseAt("/class", "invalid", "Use marketing, transactional, service or mandatory.")
		}
	}
	return &check{list: s.o.List, table: s.o.Policy, query: q, ring: s.keyring(c.principal.Tenant, q.Channel)}, nil
}

// add puts an address into the lot. addr is not kept.
func (k *check) add(addr []byte) {
	p, code := k.ring.keys(addr)
	if code != "" {
		k.lot = append(k.lot, checked{code: code})
		return
	}
	at := checked{first: len(k.keys), keys: 1}
	k.keys = append(k.keys, p.Exact)
	if p.Family != (suppression.Key{}) {
		k.keys, at.keys = append(k.keys, p.Family), 2
	}
	k.lot = append(k.lot, at)
}

// addString puts a JSON string into the lot. raw is valid JSON.
func (k *check) addString(raw jsontext.Value) bool {
	if raw.Kind() != '"' {
		return false
	}
	text, err := jsontext.AppendUnquote(k.text[:0], raw)
	k.text = text
	k.add(text)
	return err == nil
}

// readArray puts the elements of an array into the lot. raw is valid JSON.
func (k *check) readArray(raw jsontext.Value) error {
	if raw.Kind() != '[' {
		return refuseAt("/addresses", "wrong_type", "This must be an array of strings.")
	}
	elements := trimSeparators(raw[1 : len(raw)-1])
	for i := 0; len(elements) > 0; i++ {
		if i == mostChecked {
			return refuseAt("/addresses", "too_many", "Send 10000 addresses at once, or NDJSON, which has no limit.")
		}
		element, rest := cutString(elements)
		if element == nil || !k.addString(element) {
			return refuseAt("/addresses/"+strconv.Itoa(i), "wrong_type", "This must be a string.")
		}
		elements = rest
	}
	return nil
}

// cutString takes the string that comes next out of the inside of a valid JSON array; nil if something else comes next.
func cutString(b []byte) (s jsontext.Value, rest []byte) {
	b = trimSeparators(b)
	if len(b) == 0 || b[0] != '"' {
		return nil, b
	}
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return b[:i+1], trimSeparators(b[i+1:])
		}
	}
	return nil, b
}

func trimSeparators(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == '\r' || b[0] == '\n' || b[0] == ',') {
		b = b[1:]
	}
	return b
}

// answer appends a result for each address of the lot, separated by sep, and empties it.
func (k *check) answer(ctx context.Context, dst []byte, sep byte) ([]byte, error) {
	k.hit = append(k.hit[:0], make([]bool, len(k.keys))...)
	if err := k.list.CheckBatch(ctx, k.keys, k.hit); err != nil {
		return nil, err
	}
	for i, at := range k.lot {
		verdict, err := k.verdict(at)
		if err != nil {
			return nil, err
		}
		if i > 0 && sep == ',' {
			dst = append(dst, sep)
		}
		dst = k.appendResult(dst, at, verdict)
		if sep == '\n' {
			dst = append(dst, sep)
		}
	}
	k.lot, k.keys = k.lot[:0], k.keys[:0]
	return dst, nil
}

// verdict asks the store only for those that the filter has hit.
func (k *check) verdict(at checked) (policy.Verdict, error) {
	k.rows = k.rows[:0]
	for i := at.first; i < at.first+at.keys; i++ {
		if !k.hit[i] {
			continue
		}
		var err error
		if k.rows, err = k.list.Rows(k.rows, k.keys[i]); err != nil {
			return policy.Verdict{}, err
		}
	}
	k.matches = k.matches[:0]
	for _, r := range k.rows {
		k.matches = append(k.matches, policy.Row{Reason: r.Reason, Topic: r.Topic, Class: r.Class, Since: r.At, AllChannels: r.AllChannels})
	}
	return k.table.Decide(k.query, k.matches), nil
}

func (k *check) appendResult(dst []byte, at checked, v policy.Verdict) []byte {
	dst = append(dst, `{"index":`...)
	dst = strconv.AppendInt(dst, int64(k.n), 10)
	k.n++
	switch {
	case at.code != "":
		k.invalid++
		return append(append(append(dst, `,"status":"invalid","code":"`...), at.code...), `"}`...)
	case v.Action == policy.Allow:
		k.allowed++
		return append(dst, `,"status":"allowed"}`...)
	}
	k.suppressed++
	dst = append(append(dst, `,"status":"suppressed","code":"`...), v.Reason.String()...)
	return append(append(append(dst, `","action":"`...), v.Action.String()...), `"}`...)
}

// checkStream takes NDJSON: line 1 the question, then an address a line. The answer is written while the rest is read, so a client must
// read while it writes.
func (s *Server) checkStream(c *call) error {
	b, err := openBody(c, 0)
	if err != nil {
		return err
	}
	l, err := c.openLines(b, addressBlock)
	if err != nil {
		return err
	}
	line, err := l.first()
	if err != nil {
		return err
	}
	var in checkBody
	if err := decodeJSON(line, &in); err != nil {
		return err
	}
	if in.Addresses != nil {
		return refuseAt("/addresses", "unknown_key", "In NDJSON each address has a line of its own.")
	}
	k, err := s.newCheck(c, in)
	if err != nil {
		return err
	}
	c.stream(typeNDJSON, &checkReader{call: c, check: k, lines: l})
	return nil
}

// checkReader is the answer to a stream of addresses, worked out as it is read. It runs on the connection's goroutine, after the handler
// has returned and before fasthttp lets go of the request.
type checkReader struct {
	call   *call
	check  *check
	lines  *lines
	out    []byte // answered, not yet read
	spare  []byte
	failed error
}

// lotSize is how many addresses are looked up together: enough to hide memory latency.
const lotSize = 1000

func (r *checkReader) Read(p []byte) (int, error) {
	for len(r.out) == 0 && r.failed == nil {
		r.out, r.failed = r.more(r.spare[:0])
		r.spare = r.out
	}
	if len(r.out) == 0 {
		return 0, r.failed
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

func (r *checkReader) Close() error { return nil }

// more appends the answers to the next lot. A fault is told in a last line; the error that follows it ends the connection.
func (r *checkReader) more(dst []byte) ([]byte, error) {
	err := r.readLot()
	if err == nil || err == io.EOF {
		out, failed := r.check.answer(r.call.server.base, dst, '\n')
		if failed == nil {
			return out, err
		}
		err = failed
	}
	p := problemOf(err)
	return fmt.Appendf(dst, `{"error":{"code":%q,"line":%d,"instance":%q}}`+"\n", p.code, r.lines.n, r.call.requestID), err
}

// readLot collects what the block holds, or reads on if it holds nothing.
func (r *checkReader) readLot() error {
	for {
		for len(r.check.lot) < lotSize {
			line, ok := r.lines.next()
			if !ok {
				break
			}
			if err := r.check.addLine(line); err != nil {
				return err
			}
		}
		if len(r.check.lot) > 0 {
			return nil
		}
		if err := r.lines.fill(); err != nil {
			return err
		}
	}
}

// addressLine is a line of the long form.
type addressLine struct {
	Address *string `json:"address"`
}

// addLine puts the address of a line into the lot: a JSON string, or {"address":...}.
func (k *check) addLine(line []byte) error {
	if line[0] == '"' {
		raw := jsontext.Value(line)
		if raw.IsValid() && k.addString(raw) {
			return nil
		}
		return refuseAt("", "syntax", "The line is no JSON string.")
	}
	var in addressLine
	if err := decodeJSON(line, &in); err != nil {
		return err
	}
	if in.Address == nil {
		return refuseAt("/address", "missing", `A line is a string, or {"address":"..."}.`)
	}
	k.add([]byte(*in.Address))
	return nil
}
