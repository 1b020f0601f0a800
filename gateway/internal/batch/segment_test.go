package batch

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

func pack(list ...Recipient) []byte {
	var p Packer
	for _, r := range list {
		p.Append(r)
	}
	return bytes.Clone(p.Bytes())
}

func sameRecipient(a, b Recipient) bool {
	return bytes.Equal(a.To, b.To) && bytes.Equal(a.Vars, b.Vars) && bytes.Equal(a.ClientRef, b.ClientRef) && bytes.Equal(a.Code, b.Code)
}

func drawRecipients(t *rapid.T) []Recipient {
	field := rapid.SliceOfN(rapid.Byte(), 0, 300)
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Recipient {
		return Recipient{To: field.Draw(t, "to"), Vars: field.Draw(t, "vars"), ClientRef: field.Draw(t, "ref"), Code: field.Draw(t, "code")}
	}), 0, 20).Draw(t, "recipients")
}

// One packer and one segment serve every draw, so what is reused between payloads is tried as well.
func TestSegment_HoldsWhatWasPacked(t *testing.T) {
	var p Packer
	var s Segment
	rapid.Check(t, func(t *rapid.T) {
		want := drawRecipients(t)
		p.Reset()
		for _, r := range want {
			p.Append(r)
		}
		if err := s.Open(p.Bytes()); err != nil || s.Len() != len(want) || p.Len() != len(want) || p.Size() != len(p.Bytes()) {
			t.Fatalf("%d of %d recipients, size %d, %v", s.Len(), len(want), p.Size(), err)
		}
		for i := range want {
			if !sameRecipient(s.At(i), want[i]) {
				t.Fatalf("recipient %d is %q, want %q", i, s.At(i), want[i])
			}
		}
	})
}

func TestPacker_GoesOnAfterBytes(t *testing.T) {
	a, b := Recipient{To: []byte("a@example.org")}, Recipient{To: []byte("b@example.org"), Code: []byte("duplicate")}
	var p Packer
	p.Append(a)
	p.Bytes()
	p.Append(b)
	if !bytes.Equal(p.Bytes(), pack(a, b)) {
		t.Error("the payload differs from one packed in one go")
	}
}

func TestSegment_AnyChangedByteIsNoticed(t *testing.T) {
	good := pack(Recipient{To: []byte("ann@example.org"), Vars: []byte(`{"name":"Ann"}`)}, Recipient{To: []byte("bob@example.org")})
	var s Segment
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x40
		if err := s.Open(bad); !errors.Is(err, ErrDamaged) && !(i == 0 && errors.Is(err, ErrVersion)) {
			t.Errorf("byte %d changed: %v", i, err)
		}
		if err := s.Open(good[:i]); !errors.Is(err, ErrDamaged) || s.Len() != 0 {
			t.Errorf("cut at %d: %d recipients, %v", i, s.Len(), err)
		}
	}
}

func TestSegment_HoldsNothingButItsRecipients(t *testing.T) {
	good := pack(Recipient{To: []byte("ann@example.org")})
	body := good[:len(good)-sumBytes]
	for _, b := range [][]byte{append(bytes.Clone(body), 0), body[:len(body)-1], body[:3]} {
		if err := new(Segment).Open(appendSum(bytes.Clone(b))); !errors.Is(err, ErrDamaged) {
			t.Errorf("%x: %v", b, err)
		}
	}
}

func TestSegment_PacksAndOpensWithoutAllocation(t *testing.T) {
	list := sampleRecipients(100)
	var p Packer
	var s Segment
	var bytesSeen int
	allocs := testing.AllocsPerRun(100, func() {
		p.Reset()
		for _, r := range list {
			p.Append(r)
		}
		if err := s.Open(p.Bytes()); err != nil {
			t.Fatal(err)
		}
		for i := range s.Len() {
			bytesSeen += len(s.At(i).To)
		}
	})
	if allocs != 0 || bytesSeen == 0 {
		t.Errorf("%v allocations, %d bytes seen", allocs, bytesSeen)
	}
}

// sampleRecipients resemble a campaign: an address, a first name, a reference for one in two. The same n gives the same list.
func sampleRecipients(n int) []Recipient {
	random := rand.New(rand.NewPCG(1, 2))
	word := func(letters int) []byte {
		w := make([]byte, letters)
		for i := range w {
			w[i] = "eeeaaiionnrrtsslldmuckhgpbvyfwjz"[random.IntN(32)]
		}
		return w
	}
	domains := []string{"gmail.com", "gmail.com", "hotmail.com", "yahoo.com", "example.org"}
	list := make([]Recipient, n)
	for i := range list {
		first := word(3 + random.IntN(5))
		list[i].To = fmt.Appendf(nil, "%s.%s%d@%s", first, word(4+random.IntN(6)), random.IntN(100), domains[random.IntN(len(domains))])
		list[i].Vars = fmt.Appendf(nil, `{"name":"%s"}`, first)
		if i%2 == 0 {
			list[i].ClientRef = strconv.AppendInt(nil, random.Int64N(1e8), 10)
		}
	}
	return list
}

func FuzzSegmentOpen(f *testing.F) {
	f.Add(pack())
	f.Add(pack(sampleRecipients(5)...))
	f.Add(pack(Recipient{To: []byte("+4790000000"), Code: []byte("sms_stop")}))
	f.Add([]byte{segmentVersion, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{segmentVersion, 1, 0, 0, 0, 0xf9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Segment
		if s.Open(resummed(b)) != nil {
			return
		}
		var p Packer
		for i := range s.Len() {
			p.Append(s.At(i))
		}
		var again Segment
		if err := again.Open(p.Bytes()); err != nil || again.Len() != s.Len() {
			t.Fatalf("%d of %d recipients, %v", again.Len(), s.Len(), err)
		}
		for i := range s.Len() {
			if !sameRecipient(again.At(i), s.At(i)) {
				t.Errorf("recipient %d is %q, want %q", i, again.At(i), s.At(i))
			}
		}
	})
}
