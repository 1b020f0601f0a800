package store

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// ErrCorrupt is the cause of every error about stored bytes that do not mean anything.
var ErrCorrupt = errors.New("suppression store is damaged")

// MaxTopic is the length of the longest topic, in bytes.
const MaxTopic = 255

// maxReason, maxClass and maxSource are the largest numbers that fit in an entry.
const (
	maxReason = 1<<5 - 1
	maxClass  = 1<<3 - 1
	maxSource = 1<<4 - 1
)

// Entry is what an address's value holds for one reason and topic: the latest addition and how far lifts have spoken.
//
// Merging takes the greater Added with what belongs to it, and the greater AllChannels, OtherClass and Lifted. All are maxima, and Earlier
// is a frontier, so merging is commutative, associative and idempotent. An addition that a lift has observed is forgotten: no merge
// can bring it back, since Lifted never shrinks. Of additions that stand, the stricter is in force, so that none loosens another.
type Entry struct {
	Reason uint8 // 0: a lift of every reason that the person may lift
	Topic  string
	Lifted uint64 // greatest position observed by a lift; 0: never lifted
	Added  uint64 // position of the latest addition; 0: none that Lifted has not observed
	// AllChannels is the position of the latest addition for all channels; 0: none that Lifted has not observed. A later
	// addition for one channel must not narrow an objection to all, and a lift that had observed only the wide one must.
	AllChannels uint64
	// OtherClass is the position of the latest addition of another class than Class; 0: none that Lifted has not observed.
	OtherClass uint64
	// Earlier are the additions of earlier days, newest first: of each such day the latest, if none after it is as early. Lifted has observed none.
	Earlier []Earlier

	// Of the latest addition; of one position, the earliest:
	At     int64 // Unix seconds
	Class  uint8
	Source uint8
}

// An entry on disk: one byte of reason and flags; topic with its length, if any; Lifted, if any; and of the addition, if
// any, the position, the time relative to epoch, class, source and which of AllChannels, OtherClass and Earlier follow. Of those,
// how far they are before the position, and the additions of Earlier with their number first. Numbers are shortest varints, so that
// equal sets have equal bytes.
const (
	flagTopic  = 1 << 5
	flagLifted = 1 << 6
	flagAdded  = 1 << 7

	flagAllChannels = 1 << 7 // of the attributes
	flagOtherClass  = 1 << 8
	flagEarlier     = 1 << 9
	maxAttributes   = 1<<10 - 1
)

// epoch keeps the times of the first years of use within four bytes.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix()

// Append appends the entry's encoding. Requires: the numbers fit; see Valid.
func (e *Entry) Append(b []byte) []byte {
	head := e.Reason
	for _, f := range [...]struct {
		set  bool
		flag uint8
	}{{e.Topic != "", flagTopic}, {e.Lifted != 0, flagLifted}, {e.Added != 0, flagAdded}} {
		if f.set {
			head |= f.flag
		}
	}
	b = append(b, head)
	if e.Topic != "" {
		b = append(append(b, uint8(len(e.Topic))), e.Topic...)
	}
	if e.Lifted != 0 {
		b = binary.AppendUvarint(b, e.Lifted)
	}
	if e.Added == 0 {
		return b
	}
	b = binary.AppendUvarint(b, e.Added)
	b = binary.AppendVarint(b, e.At-epoch)
	return e.appendStanding(binary.AppendUvarint(b, e.attributes()))
}

// appendStanding appends what is in force of the additions before the latest.
func (e *Entry) appendStanding(b []byte) []byte {
	for _, position := range [...]uint64{e.AllChannels, e.OtherClass} {
		if position != 0 {
			b = binary.AppendUvarint(b, e.Added-position)
		}
	}
	if len(e.Earlier) == 0 {
		return b
	}
	return appendEarlier(binary.AppendUvarint(b, uint64(len(e.Earlier))), e.Added, e.Earlier)
}

// attributes are class, source and which of the optional parts there are.
func (e *Entry) attributes() uint64 {
	a := uint64(e.Class) | uint64(e.Source)<<3
	for _, f := range [...]struct {
		set  bool
		flag uint64
	}{{e.AllChannels != 0, flagAllChannels}, {e.OtherClass != 0, flagOtherClass}, {len(e.Earlier) > 0, flagEarlier}} {
		if f.set {
			a |= f.flag
		}
	}
	return a
}

// Place gives an addition its position; before that, any AllChannels but 0 says that it is for all channels.
func (e *Entry) Place(position uint64) {
	e.Added = position
	if e.AllChannels != 0 {
		e.AllChannels = position
	}
}

// Valid says what keeps the entry from being stored, or nil.
func (e *Entry) Valid() error {
	switch {
	case e.Reason > maxReason:
		return fmt.Errorf("reason %d is unknown", e.Reason)
	case len(e.Topic) > MaxTopic:
		return fmt.Errorf("topic of %d bytes: at most %d", len(e.Topic), MaxTopic)
	case e.Class > maxClass:
		return fmt.Errorf("class %d is unknown", e.Class)
	case e.Source > maxSource:
		return fmt.Errorf("source %d is unknown", e.Source)
	}
	return nil
}

// order sorts the entries of a set.
func (e *Entry) order(o *Entry) int {
	return cmp.Or(cmp.Compare(e.Reason, o.Reason), cmp.Compare(e.Topic, o.Topic))
}

// join merges two entries of the same reason and topic.
func (e Entry) join(o Entry) Entry {
	if e.additionOrder(&o) < 0 {
		e, o = o, e
	}
	e.Lifted = max(e.Lifted, o.Lifted)
	if e.Added <= e.Lifted {
		return Entry{Reason: e.Reason, Topic: e.Topic, Lifted: e.Lifted}
	}
	if o.Class != e.Class {
		o.OtherClass = o.Added
	}
	e.AllChannels = unlifted(max(e.AllChannels, o.AllChannels), e.Lifted)
	e.OtherClass = unlifted(max(e.OtherClass, o.OtherClass), e.Lifted)
	e.Earlier = joinEarlier(&e, &o)
	return e
}

// unlifted is the position, or 0 if a lift has observed it.
func unlifted(position, lifted uint64) uint64 {
	if position <= lifted {
		return 0
	}
	return position
}

// additionOrder goes by position. The rest decides only between additions of one position, so that every order of
// merging keeps the same one.
func (e *Entry) additionOrder(o *Entry) int {
	return cmp.Or(cmp.Compare(e.Added, o.Added), cmp.Compare(o.At, e.At), cmp.Compare(e.Class, o.Class), cmp.Compare(e.Source, o.Source))
}

// ClassAfter is the class of the additions that a lift up to the position leaves: 0, unknown, if they differ.
func (e *Entry) ClassAfter(lifted uint64) uint8 {
	if e.OtherClass > lifted {
		return 0
	}
	return e.Class
}

// parseEntry reads one entry from the front of b and gives the rest. It accepts only what Append writes.
func parseEntry(b []byte) (e Entry, rest []byte, err error) {
	r := reader{b: b}
	head := r.byte()
	e.Reason = head & maxReason
	if head&flagTopic != 0 {
		e.Topic = string(r.bytes(int(r.byte())))
		r.require(e.Topic != "")
	}
	if head&flagLifted != 0 {
		e.Lifted = r.uvarint()
		r.require(e.Lifted != 0)
	}
	if head&flagAdded != 0 {
		e.Added = r.uvarint()
		e.At = r.varint() + epoch
		a := r.uvarint()
		e.Class, e.Source = uint8(a&maxClass), uint8(a>>3&maxSource)
		r.require(e.Added > e.Lifted && a <= maxAttributes)
		if a&flagAllChannels != 0 {
			e.AllChannels = r.before(e.Added, e.Lifted)
		}
		if a&flagOtherClass != 0 {
			e.OtherClass = r.before(e.Added, e.Lifted)
		}
		if a&flagEarlier != 0 {
			e.Earlier = r.earlier(&e)
		}
	}
	r.require(e.Lifted != 0 || e.Added != 0)
	if r.bad {
		return Entry{}, nil, fmt.Errorf("%w: unreadable entry", ErrCorrupt)
	}
	return e, r.b, nil
}

// reader takes values from the front of b until something is wrong; then it is bad for good.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) require(ok bool) { r.bad = r.bad || !ok }

func (r *reader) bytes(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad = true
		return nil
	}
	head := r.b[:n]
	r.b = r.b[n:]
	return head
}

func (r *reader) byte() uint8 {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

// uvarint refuses encodings longer than needed.
func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	r.require(n > 0 && (n == 1 || r.b[n-1] != 0))
	r.bytes(n)
	return v
}

// before reads how far a position that no lift has observed is before another.
func (r *reader) before(position, lifted uint64) uint64 {
	distance := r.uvarint()
	r.require(distance < position && position-distance > lifted)
	return position - distance
}

func (r *reader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}
