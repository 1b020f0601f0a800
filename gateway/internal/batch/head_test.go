package batch

import (
	"bytes"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"heed/suppression/policy"

	"pgregory.net/rapid"
)

func drawTime(t *rapid.T, label string) time.Time {
	if rapid.Bool().Draw(t, label+"Zero") {
		return time.Time{}
	}
	return time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(t, label), rapid.Int64Range(0, 999_999_999).Draw(t, label+"Nanos")).UTC()
}

func drawHead(t *rapid.T) *Head {
	text := func(label string) string { return rapid.String().Draw(t, label) }
	h := &Head{
		Tenant: text("tenant"), Topic: text("topic"), From: text("from"), ReplyTo: text("reply_to"), Subject: text("subject"),
		HTML: text("html"), Text: text("text"), Body: text("body"), Template: text("template"),
		Channel: policy.Channel(rapid.Byte().Draw(t, "channel")), Class: policy.Class(rapid.Byte().Draw(t, "class")),
		SendAt: drawTime(t, "send_at"), Expires: drawTime(t, "expires"), Created: drawTime(t, "created"),
		Closing: rapid.Bool().Draw(t, "closing"), Count: rapid.Uint32().Draw(t, "count"),
	}
	for range rapid.IntRange(0, 3).Draw(t, "headers") {
		h.Headers = append(h.Headers, [2]string{text("name"), text("value")})
	}
	if vars := rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "vars"); len(vars) > 0 {
		h.Vars = vars
	}
	return h
}

func TestHead_DecodeIsTheInverseOfEncode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawHead(t)
		got, err := DecodeHead(want.Encode())
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, %v; want %+v", got, err, want)
		}
	})
}

func TestHead_EqualHeadsHaveEqualBytes(t *testing.T) {
	head := func() *Head { return &Head{Vars: map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"}} }
	for range 20 {
		if !bytes.Equal(head().Encode(), head().Encode()) {
			t.Fatal("two encodings differ")
		}
	}
}

func TestHead_AnyChangedByteIsNoticed(t *testing.T) {
	good := (&Head{Tenant: "acme", Subject: "Hi", Vars: map[string]string{"shop": "Ann's"}}).Encode()
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x40
		if _, err := DecodeHead(bad); !errors.Is(err, ErrDamaged) && !(i == 0 && errors.Is(err, ErrVersion)) {
			t.Errorf("byte %d changed: %v", i, err)
		}
		if _, err := DecodeHead(good[:i]); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut at %d: %v", i, err)
		}
	}
}

// A checksum that fits does not make bytes a head: what is left over, counts beyond the bytes and fields out of range are damage too.
func TestHead_StructureIsChecked(t *testing.T) {
	good := (&Head{Tenant: "acme"}).Encode()
	body := good[:len(good)-sumBytes]
	check := func(b []byte) {
		t.Helper()
		if _, err := DecodeHead(appendSum(b)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%x: %v", b, err)
		}
	}
	check(append(bytes.Clone(body), 0))
	check(body[:len(body)-1])
	check(append(bytes.Clone(body[:len(body)-2]), 2, 0)) // Closing is neither 0 nor 1
}

func TestDecoding_MemoryIsBoundedByTheBytes(t *testing.T) {
	const huge = "\xff\xff\xff\x7f"                                                                           // 2^28 - 1
	head := appendSum([]byte("\x01\x01\x01" + strings.Repeat("\x00", 9) + huge + strings.Repeat("\x00", 50))) // that many headers
	segment := appendSum([]byte("\x01\xff\xff\xff\x0f" + strings.Repeat("\x00", 50)))                         // that many recipients
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, headErr := DecodeHead(head)
	segmentErr := new(Segment).Open(segment)
	runtime.ReadMemStats(&after)
	if !errors.Is(headErr, ErrDamaged) || !errors.Is(segmentErr, ErrDamaged) {
		t.Errorf("head: %v, segment: %v", headErr, segmentErr)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes of memory for %d", n, len(head)+len(segment))
	}
}

// resummed gives damaged bytes a right checksum, so that what lies behind the checksum is tried too.
func resummed(b []byte) []byte {
	if len(b) < sumBytes {
		return b
	}
	return appendSum(bytes.Clone(b[:len(b)-sumBytes]))
}

func FuzzDecodeHead(f *testing.F) {
	f.Add((&Head{}).Encode())
	f.Add((&Head{
		Tenant: "acme", Channel: policy.Email, Class: policy.Marketing, HTML: "<p>Hi {{name}}</p>", Headers: [][2]string{{"X-A", "1"}},
		Vars: map[string]string{"shop": "Ann's"}, Created: aTime, Count: 3,
	}).Encode())
	f.Add([]byte{headVersion, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := DecodeHead(resummed(b))
		if err != nil {
			return
		}
		again, err := DecodeHead(h.Encode())
		if err != nil || !reflect.DeepEqual(again, h) {
			t.Errorf("got %+v, %v; want %+v", again, err, h)
		}
	})
}
