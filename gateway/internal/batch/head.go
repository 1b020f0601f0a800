package batch

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"heed/suppression/policy"
)

// Head is the shared part of a batch: everything but its recipients. Encoded once per batch.
type Head struct {
	Tenant   string
	Channel  policy.Channel
	Class    policy.Class
	Topic    string
	From     string
	ReplyTo  string
	Subject  string
	HTML     string
	Text     string
	Body     string            // SMS text; for an email batch: the text of rerouted messages
	Headers  [][2]string       // allow-listed headers, in the caller's order
	Vars     map[string]string // shared variables
	SendAt   time.Time         // zero: now
	Expires  time.Time         // zero: the class's default applies
	Created  time.Time
	Template string // id and version of the template used, "" if none
	Closing  bool   // the template is tagged "closing"
	Count    uint32 // recipients named by the caller, accepted or not (0 until known, for streams)
}

// headVersion is the format of Encode: the version, then the fields in the order of Encode, then the checksum.
const headVersion = 1

// Encode returns the stored form; equal heads have equal bytes. Cost: one pass over the texts.
func (h *Head) Encode() []byte {
	w := writer{make([]byte, 0, 256+len(h.HTML)+len(h.Text)+len(h.Body))}
	w.byte(headVersion)
	w.byte(byte(h.Channel))
	w.byte(byte(h.Class))
	for _, s := range h.texts() {
		w.text(*s)
	}
	w.pairs(h.Headers)
	w.pairs(sortedPairs(h.Vars))
	for _, t := range h.times() {
		w.time(*t)
	}
	w.bool(h.Closing)
	w.uint(uint64(h.Count))
	return appendSum(w.b)
}

// DecodeHead is the inverse of Encode; times come back in UTC, an empty list as nil. Errors wrap ErrDamaged or ErrVersion. The head keeps
// nothing of b. Cost: one copy of b.
func DecodeHead(b []byte) (*Head, error) {
	body, err := checked(b, headVersion)
	if err != nil {
		return nil, fmt.Errorf("decode head: %w", err)
	}
	r, h := reader{s: string(body)}, &Head{}
	h.Channel = policy.Channel(r.byte())
	h.Class = policy.Class(r.byte())
	for _, s := range h.texts() {
		*s = r.text()
	}
	h.Headers = r.pairs()
	h.Vars = mapOf(r.pairs())
	for _, t := range h.times() {
		*t = r.time()
	}
	h.Closing = r.bool()
	h.Count = r.uint32()
	if r.bad || r.s != "" {
		return nil, fmt.Errorf("decode head: %w", ErrDamaged)
	}
	return h, nil
}

// texts and times give the order on disk: a change to them is a new version.
func (h *Head) texts() [9]*string {
	return [...]*string{&h.Tenant, &h.Topic, &h.From, &h.ReplyTo, &h.Subject, &h.HTML, &h.Text, &h.Body, &h.Template}
}

func (h *Head) times() [3]*time.Time { return [...]*time.Time{&h.SendAt, &h.Expires, &h.Created} }

func sortedPairs(m map[string]string) [][2]string {
	list := make([][2]string, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		list = append(list, [2]string{k, m[k]})
	}
	return list
}

func mapOf(pairs [][2]string) map[string]string {
	if len(pairs) == 0 {
		return nil
	}
	m := make(map[string]string, len(pairs))
	for _, p := range pairs {
		m[p[0]] = p[1]
	}
	return m
}
