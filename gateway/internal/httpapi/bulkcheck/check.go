// Package bulkcheck answers for many addresses whether a message of a kind would go out ("scrub my list"): those of a JSON array at once,
// or those of an NDJSON stream in lots, in bounded memory.
//
// The list is asked for a lot at a time, and its store only for what its filter has hit. If the list cannot answer, nobody is called
// allowed (P5). A Check and a Stream are for one goroutine.
package bulkcheck

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"heed/gateway/internal/httpapi/keyring"
	"heed/gateway/internal/httpapi/problem"
	"heed/suppression"
	"heed/suppression/policy"

	"github.com/go-json-experiment/json/jsontext"
)

// List is the part of suppression.List that is needed here.
type List interface {
	// CheckBatch sets hit[i] if keys[i] may have rows. After an error no element of hit may be trusted.
	CheckBatch(ctx context.Context, keys []suppression.Key, hit []bool) error
	// Rows appends the rows of a key.
	Rows(dst []suppression.Row, key suppression.Key) ([]suppression.Row, error)
}

// Parts are what answers come from.
type Parts struct {
	List  List
	Table *policy.Table
	Ring  func(policy.Channel) *keyring.Ring
	Now   time.Time
}

// Question is the kind of message. It is the body of the JSON form, or line 1 of the NDJSON form.
type Question struct {
	Channel   string         `json:"channel"`
	Class     string         `json:"class"` // "" = marketing
	Topic     string         `json:"topic"`
	Addresses jsontext.Value `json:"addresses"` // of the JSON form: read one by one, without an allocation each
}

// Check answers for one question. Its memory is reused from one lot to the next. For one goroutine.
type Check struct {
	list    List
	table   *policy.Table
	query   policy.Query
	ring    *keyring.Ring
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

// New prepares the answers to a question. Errors are *problem.Problem.
func New(p Parts, in Question) (*Check, error) {
	q := policy.Query{Class: policy.Marketing, Topic: in.Topic, Now: p.Now}
	var ok bool
	if q.Channel, ok = policy.ParseChannel(in.Channel); !ok {
		return nil, problem.At("/channel", "invalid", "Use email or sms.")
	}
	if in.Class != "" {
		if q.Class, ok = policy.ParseClass(in.Class); !ok {
			return nil, problem.At("/class", "invalid", "Use marketing, transactional, service or mandatory.")
		}
	}
	return &Check{list: p.List, table: p.Table, query: q, ring: p.Ring(q.Channel)}, nil
}

// Whole answers for the addresses of a JSON array, in its order. raw is valid JSON. Errors are *problem.Problem, or the list's.
func (k *Check) Whole(ctx context.Context, raw jsontext.Value) ([]byte, error) {
	if err := k.readArray(raw); err != nil {
		return nil, err
	}
	out, err := k.answer(ctx, []byte(`{"results":[`), ',')
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(out, `],"allowed":%d,"suppressed":%d,"invalid":%d}`, k.allowed, k.suppressed, k.invalid), nil
}

// add puts an address into the lot. addr is not kept.
func (k *Check) add(addr []byte) {
	first := len(k.keys)
	var code string
	k.keys, code = k.ring.AppendKeys(k.keys, addr, true)
	k.lot = append(k.lot, checked{first: first, keys: len(k.keys) - first, code: code})
}

// answer appends a result for each address of the lot, separated by sep, and empties it.
func (k *Check) answer(ctx context.Context, dst []byte, sep byte) ([]byte, error) {
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
func (k *Check) verdict(at checked) (policy.Verdict, error) {
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
	k.matches = suppression.Facts(k.matches[:0], k.rows)
	return k.table.Decide(k.query, k.matches), nil
}

func (k *Check) appendResult(dst []byte, at checked, v policy.Verdict) []byte {
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
