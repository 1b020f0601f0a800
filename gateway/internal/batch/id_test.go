package batch

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var aTime = time.UnixMilli(0x017F22E279B0) // the example of RFC 9562 appendix A.6

func drawID(t *rapid.T) ID {
	var random [10]byte
	copy(random[:], rapid.SliceOfN(rapid.Byte(), 10, 10).Draw(t, "random"))
	return NewID(time.UnixMilli(rapid.Int64Range(0, 1<<48-1).Draw(t, "ms")), random)
}

func TestNewID_MatchesTheExample(t *testing.T) { // RFC 9562 appendix A.6: 017F22E2-79B0-7CC3-98C4-DC0C0C07398F
	got := NewID(aTime, [10]byte{0xFC, 0xC3, 0xD8, 0xC4, 0xDC, 0x0C, 0x0C, 0x07, 0x39, 0x8F})
	want := ID{0x01, 0x7F, 0x22, 0xE2, 0x79, 0xB0, 0x7C, 0xC3, 0x98, 0xC4, 0xDC, 0x0C, 0x0C, 0x07, 0x39, 0x8F}
	if got != want {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestID_TextIsReadBackInEitherCase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := drawID(t)
		for _, digits := range []string{id.String()[4:], strings.ToUpper(id.String()[4:])} {
			if got, err := ParseID("bat_" + digits); err != nil || got != id {
				t.Fatalf("%s: got %v, %v", digits, got, err)
			}
		}
	})
}

func TestID_SortsByTime(t *testing.T) { // RFC 9562 §6.11
	rapid.Check(t, func(t *rapid.T) {
		ms := rapid.Int64Range(0, 1<<48-2).Draw(t, "ms")
		early := NewID(time.UnixMilli(ms), [10]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 255})
		late := NewID(time.UnixMilli(ms+1), [10]byte{})
		if early.String() >= late.String() {
			t.Fatalf("%s is not before %s", early, late)
		}
	})
}

func TestMessageID_IsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id, index := drawID(t), rapid.Uint32().Draw(t, "index")
		gotID, gotIndex, err := ParseMessageID(MessageID(id, index))
		if err != nil || gotID != id || gotIndex != index {
			t.Fatalf("got %v, %d, %v", gotID, gotIndex, err)
		}
	})
}

func TestID_ForeignTextIsRefused(t *testing.T) {
	good := NewID(aTime, [10]byte{}).String()[4:]
	check := func(text string) {
		t.Helper()
		if _, err := ParseID(text); !errors.Is(err, ErrID) {
			t.Errorf("ParseID(%q): %v", text, err)
		}
		if _, _, err := ParseMessageID(text); !errors.Is(err, ErrID) {
			t.Errorf("ParseMessageID(%q): %v", text, err)
		}
	}
	for _, s := range []string{
		"", "bat_", "msg_", good, "bat_" + good[1:], "bat_" + good + "0", "BAT_" + good, "bat_8" + good[1:], "bat_" + good[:25] + "u", "bat_" + good[:25] + "é",
		"msg_" + good, "msg_" + good + "-", "msg_" + good + "--1", "msg_" + good + "-01", "msg_" + good + "-+1", "msg_" + good + "-4294967296", "msg_8" + good[1:] + "-1",
	} {
		check(s)
	}
}

func FuzzParseID(f *testing.F) {
	id := NewID(aTime, [10]byte{1, 2, 3})
	for _, s := range []string{id.String(), MessageID(id, 7), "bat_zzzzzzzzzzzzzzzzzzzzzzzzzz", "msg_7zzzzzzzzzzzzzzzzzzzzzzzzz-0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := ParseID(s); err == nil && !strings.EqualFold(id.String(), s) {
			t.Errorf("ParseID(%q) is %s", s, id)
		}
		if id, index, err := ParseMessageID(s); err == nil && !strings.EqualFold(MessageID(id, index), s) {
			t.Errorf("ParseMessageID(%q) is %s", s, MessageID(id, index))
		}
	})
}
