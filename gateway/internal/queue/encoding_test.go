package queue

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestHeader_ReadsBackWhatItWrote(t *testing.T) {
	check := func(h header) {
		t.Helper()
		if got, err := decodeHeader(h.encode()); err != nil || !reflect.DeepEqual(got, h) {
			t.Errorf("read %+v, %v; wrote %+v", got, err, h)
		}
	}
	check(header{id: id(1), count: 1, lane: "email"})
	check(header{id: id(1), first: 1<<32 - 1, count: 1, lane: "", priority: 255, due: -5, expires: 1 << 60})
	check(header{count: 5, initial: []State{Queued, Sent, Sent, Duplicate, Queued}})
	check(header{count: maxRecipients, initial: slices.Repeat([]State{Suppressed}, maxRecipients)})
}

func TestEvents_ReadBackAndAreCut(t *testing.T) {
	long := strings.Repeat("x", maxText+1)
	wrote := Event{At: time.UnixMilli(5).UTC(), State: Retrying, Attempt: 3, Code: "4.2.1", Detail: long, ProviderID: "p", RetryAt: time.UnixMilli(-7).UTC()}
	b := appendEvent(nil, 9, &wrote)
	wrote.Detail = long[:maxText]
	n := 0
	err := eachEvent(b, 10, func(e *rawEvent) {
		n++
		if got := e.event(); got != wrote || e.index != 9 {
			t.Errorf("read %+v, wrote %+v", got, wrote)
		}
	})
	if err != nil || n != 1 {
		t.Errorf("%d events, %v", n, err)
	}
	if err := eachEvent(b, 9, func(*rawEvent) {}); !errors.Is(err, errDamaged) {
		t.Errorf("index past the segment: %v", err)
	}
	for cut := 1; cut < len(b); cut++ {
		if err := eachEvent(b[:cut], 10, func(*rawEvent) {}); !errors.Is(err, errDamaged) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
}

// FuzzDecode feeds damaged bytes to every reader of a stored value: an error that says so, never a panic, and what is read without
// an error is written back as something that reads the same.
func FuzzDecode(f *testing.F) {
	h := header{id: id(1), first: 7, count: 3, initial: []State{Queued, Sent, Queued}, lane: "email", due: 5, expires: 9}
	event := appendEvent(nil, 1, &Event{At: time.UnixMilli(5), State: Retrying, Attempt: 1, Code: "c", RetryAt: time.UnixMilli(9)})
	o := outcome{count: 3, initial: h.initial, events: event}
	c := Counts{Sent: 5}
	for _, seed := range [][]byte{nil, {format}, {2}, h.encode(), event, o.encode(), c.encode(), span{5, 6}.encode(),
		(&head{tenant: "acme", created: 5, opaque: []byte("x")}).encode(), appendRecord(nil, &Record{Value: []byte("v"), Expires: time.UnixMilli(5)}),
		{format, byte(Stopped)}, bytes.Repeat([]byte{0xff}, 40)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := decodeHeader(b); damaged(t, err) {
			again, err := decodeHeader(h.encode())
			if err != nil || again.count != h.count || !slices.Equal(written(again.count, again.initial), written(h.count, h.initial)) {
				t.Errorf("header %+v reads back as %+v, %v", h, again, err)
			}
		}
		if o, err := decodeOutcome(b); damaged(t, err) {
			damaged(t, eachEvent(o.events, o.count, func(e *rawEvent) {
				if e.index >= o.count || e.state >= states {
					t.Errorf("event %+v of %d", e, o.count)
				}
			}))
		}
		if c, err := decodeCounts(b); damaged(t, err) {
			if again, err := decodeCounts(c.encode()); err != nil || again != c {
				t.Errorf("counts %v read back as %v, %v", c, again, err)
			}
		}
		if s, err := decodeSpan(b); damaged(t, err) && s.count > maxRecipients {
			t.Errorf("span of %d", s.count)
		}
		_, err := decodeHead(b)
		damaged(t, err)
		_, err = decodeControl(b)
		damaged(t, err)
		_, _, err = decodeRecord(b)
		damaged(t, err)
		_, err = groupEvents(b)
		damaged(t, err)
	})
}

// damaged fails the test for any other error than damage, and reports whether there was none.
func damaged(t *testing.T, err error) bool {
	if err != nil && !errors.Is(err, errDamaged) {
		t.Errorf("error %v", err)
	}
	return err == nil
}

// written is what appendInitial writes.
func written(count int, initial []State) []State {
	if initial == nil {
		return slices.Repeat([]State{Queued}, count)
	}
	return initial
}
