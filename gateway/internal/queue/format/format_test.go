package format

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func id(n int) ID { return ID{0: 1, 14: byte(n >> 8), 15: byte(n)} }

func TestHeader_ReadsBackWhatItWrote(t *testing.T) {
	check := func(h Header) {
		t.Helper()
		if got, err := DecodeHeader(h.Encode()); err != nil || !reflect.DeepEqual(got, h) {
			t.Errorf("read %+v, %v; wrote %+v", got, err, h)
		}
	}
	check(Header{Batch: id(1), Count: 1, Lane: "email"})
	check(Header{Batch: id(1), First: 1<<32 - 1, Count: 1, Lane: "", Priority: 255, Due: -5, Expires: 1 << 60})
	check(Header{Count: 5, Initial: []State{Queued, Sent, Sent, Duplicate, Queued}})
	check(Header{Count: MaxRecipients, Initial: slices.Repeat([]State{Suppressed}, MaxRecipients)})
}

func TestEvents_ReadBackAndAreCut(t *testing.T) {
	long := strings.Repeat("x", maxText+1)
	wrote := Event{At: time.UnixMilli(5).UTC(), State: Retrying, Attempt: 3, Code: "4.2.1", Detail: long, ProviderID: "p", RetryAt: time.UnixMilli(-7).UTC()}
	b := AppendEvent(nil, 9, &wrote)
	wrote.Detail = long[:maxText]
	n := 0
	err := EachEvent(b, 10, func(e *RawEvent) {
		n++
		if got := e.Event(); got != wrote || e.Index != 9 {
			t.Errorf("read %+v, wrote %+v", got, wrote)
		}
	})
	if err != nil || n != 1 {
		t.Errorf("%d events, %v", n, err)
	}
	if err := EachEvent(b, 9, func(*RawEvent) {}); !errors.Is(err, ErrDamaged) {
		t.Errorf("index past the segment: %v", err)
	}
	for cut := 1; cut < len(b); cut++ {
		if err := EachEvent(b[:cut], 10, func(*RawEvent) {}); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
}

// TestFormat_TheBytesOnDiskStay: what an earlier version wrote must be read by this one.
func TestFormat_TheBytesOnDiskStay(t *testing.T) {
	check := func(name string, got []byte, want string) {
		t.Helper()
		if hex.EncodeToString(got) != want {
			t.Errorf("%s is %x, was %s", name, got, want)
		}
	}
	h, event, o := samples()
	check("header", h.Encode(), "01010000000000000000000000000000010705656d61696c020a1203010103010101")
	check("event", event, "01020a010163000012")
	check("outcome", o.Encode(), "010301010301010101020a010163000012")
	check("head", (&Head{Tenant: "acme", Created: 5, Opaque: []byte("x")}).Encode(), "010a0461636d6578")
	check("counts", EncodeCounts(Counts{Sent: 300}), "01000000ac02000000000000")
	check("control", EncodeControl(Stopped), "0102")
	check("span", Span{5, 300}.Encode(), "0105ac02")
	check("record", EncodeRecord([]byte("v"), 5), "010a76")
	check("low mark", EncodeLow(7), "0000000000000007")
	check("index key", IndexKey(id(2), 3), "42010000000000000000000000000000027800000003")
	check("result key", ResultKey(1, 2), "52000000000000000100000002")
	check("finished key", FinishedKey(5999, id(2)), "46000000000000000501000000000000000000000000000002")
	check("expiry key", ExpiryKey(5999, RecordKey("s", "k")), "4500000000000000055073006b")
}

func samples() (h Header, event []byte, o Outcome) {
	h = Header{Batch: id(1), First: 7, Count: 3, Initial: []State{Queued, Sent, Queued}, Lane: "email", Priority: 2, Due: 5, Expires: 9}
	event = AppendEvent(nil, 1, &Event{At: time.UnixMilli(5), State: Retrying, Attempt: 1, Code: "c", RetryAt: time.UnixMilli(9)})
	return h, event, Outcome{Count: 3, Initial: h.Initial, Events: event}
}

// FuzzDecode feeds damaged bytes to every reader of a stored value: an error that says so, never a panic, and what is read without
// an error is written back as something that reads the same.
func FuzzDecode(f *testing.F) {
	h, event, o := samples()
	for _, seed := range [][]byte{nil, {Version}, {2}, h.Encode(), event, o.Encode(), EncodeCounts(Counts{Sent: 5}), Span{5, 6}.Encode(),
		(&Head{Tenant: "acme", Created: 5, Opaque: []byte("x")}).Encode(), EncodeRecord([]byte("v"), 5), EncodeLow(7),
		EncodeControl(Stopped), bytes.Repeat([]byte{0xff}, 40)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := DecodeHeader(b); undamaged(t, err) {
			again, err := DecodeHeader(h.Encode())
			if err != nil || again.Count != h.Count || !slices.Equal(written(again.Count, again.Initial), written(h.Count, h.Initial)) {
				t.Errorf("header %+v reads back as %+v, %v", h, again, err)
			}
		}
		if o, err := DecodeOutcome(b); undamaged(t, err) {
			undamaged(t, EachEvent(o.Events, o.Count, func(e *RawEvent) {
				if e.Index >= o.Count || !e.State.Valid() {
					t.Errorf("event %+v of %d", e, o.Count)
				}
			}))
		}
		if c, err := DecodeCounts(b); undamaged(t, err) {
			if again, err := DecodeCounts(EncodeCounts(c)); err != nil || again != c {
				t.Errorf("counts %v read back as %v, %v", c, again, err)
			}
		}
		if s, err := DecodeSpan(b); undamaged(t, err) && (s.Count < 1 || s.Count > MaxRecipients) {
			t.Errorf("span of %d", s.Count)
		}
		_, err := DecodeHead(b)
		undamaged(t, err)
		_, err = DecodeControl(b)
		undamaged(t, err)
		_, _, err = DecodeRecord(b)
		undamaged(t, err)
		_, err = DecodeLow(b)
		undamaged(t, err)
		_, err = GroupEvents(b)
		undamaged(t, err)
	})
}

// undamaged fails the test for any other error than damage, and reports whether there was none.
func undamaged(t *testing.T, err error) bool {
	t.Helper()
	if err != nil && !errors.Is(err, ErrDamaged) {
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

func TestState_NamesAreInverse(t *testing.T) {
	for s := Queued; s.Valid(); s++ {
		if got, ok := ParseState(s.String()); !ok || got != s {
			t.Errorf("%d reads %q back as %d", s, s, got)
		}
	}
	for _, bad := range []string{"", "SENT", "queue"} {
		if _, ok := ParseState(bad); ok {
			t.Errorf("%q is a state", bad)
		}
	}
	if State(0).Valid() || State(states).Valid() || State(states).String() != "" {
		t.Error("a number past the states has a name")
	}
}
