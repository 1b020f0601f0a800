package format

import (
	"encoding/binary"
	"math"
	"time"
)

// maxText bounds each text of a result in bytes; longer ones are cut. RFC 5321 §4.5.3.1.5 allows 512 to a reply line.
const maxText = 1024

// Event is one line of a recipient's timeline.
type Event struct {
	At         time.Time // to the millisecond
	State      State
	Attempt    int // how many tries there were with this one; 0 for acceptance
	Code       string
	Detail     string
	ProviderID string
	RetryAt    time.Time
}

// NewGroup begins a group of results, for AppendEvent.
func NewGroup() []byte { return []byte{Version} }

// GroupEvents are the events of a group as it is stored; they are a part of it.
func GroupEvents(group []byte) ([]byte, error) { return read(group).rest() }

// AppendEvent writes one result of the recipient at a position of its segment. RetryAt is kept for Retrying alone.
func AppendEvent(dst []byte, index int, e *Event) []byte {
	dst = binary.AppendUvarint(dst, uint64(index))
	dst = append(dst, byte(e.State))
	dst = binary.AppendVarint(dst, Millis(e.At))
	dst = binary.AppendUvarint(dst, uint64(e.Attempt))
	dst = appendText(dst, cut(e.Code))
	dst = appendText(dst, cut(e.Detail))
	dst = appendText(dst, cut(e.ProviderID))
	if e.State == Retrying {
		dst = binary.AppendVarint(dst, Millis(e.RetryAt))
	}
	return dst
}

func cut(s string) string { return s[:min(len(s), maxText)] }

// RawEvent is an event as it lies in a group; its texts are parts of the group, its times milliseconds.
type RawEvent struct {
	Index                    int
	State                    State
	At, RetryAt              int64
	Attempt                  int
	Code, Detail, ProviderID []byte
}

// Event is a copy that keeps no part of the group.
func (e *RawEvent) Event() Event {
	return Event{At: Time(e.At), State: e.State, Attempt: e.Attempt, Code: string(e.Code), Detail: string(e.Detail),
		ProviderID: string(e.ProviderID), RetryAt: Time(e.RetryAt)}
}

// EachEvent calls fn with every event of a segment of count recipients, in the order in which they were recorded.
func EachEvent(events []byte, count int, fn func(*RawEvent)) error {
	r := reader{b: events}
	for r.err == nil && len(r.b) > 0 {
		if e := r.event(count); r.err == nil {
			fn(&e)
		}
	}
	return r.err
}

// event reads one event of a segment of count recipients.
func (r *reader) event(count int) (e RawEvent) {
	e.Index = int(r.uvarint())
	if r.err == nil && (e.Index < 0 || e.Index >= count) {
		r.damage("index")
	}
	e.State = r.state()
	e.At = r.varint()
	e.Attempt = int(r.upTo(math.MaxInt32))
	e.Code, e.Detail, e.ProviderID = r.text(), r.text(), r.text()
	if e.State == Retrying {
		e.RetryAt = r.varint()
	}
	if r.err == nil && e.State == Queued {
		r.damage("state of an event")
	}
	return e
}
