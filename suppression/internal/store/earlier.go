package store

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// Earlier is an addition before the latest, of an earlier day.
type Earlier struct {
	Position uint64
	At       int64 // Unix seconds
}

// secondsPerDay bounds what an address can take: however often it is added, each day counts once.
const secondsPerDay = 24 * 60 * 60

// day is the day of a time, counted from the epoch of Unix.
func day(at int64) int64 {
	d := at / secondsPerDay
	if at%secondsPerDay < 0 {
		d--
	}
	return d
}

// joinEarlier is the frontier of all additions in both entries but the latest, which is e's: those that no later one is as early as. Requires: e.Lifted
// is that of both.
func joinEarlier(e, o *Entry) []Earlier {
	if o.Added == 0 && len(o.Earlier) == 0 && len(e.Earlier) == 0 {
		return nil
	}
	all := slices.Concat(e.Earlier, o.Earlier)
	if o.Added != 0 {
		all = append(all, Earlier{o.Added, o.At})
	}
	slices.SortFunc(all, func(a, b Earlier) int {
		return cmp.Or(cmp.Compare(b.Position, a.Position), cmp.Compare(a.At, b.At))
	})
	var front []Earlier
	earliest := day(e.At)
	for _, a := range all {
		if d := day(a.At); d < earliest && a.Position > e.Lifted {
			front, earliest = append(front, a), d
		}
	}
	return front
}

// AtAfter is the time of the additions that a lift up to the position leaves: of the latest on their earliest day.
func (e *Entry) AtAfter(lifted uint64) int64 {
	at := e.At
	for _, a := range e.Earlier {
		if a.Position > lifted {
			at = a.At
		}
	}
	return at
}

func appendEarlier(b []byte, position uint64, all []Earlier) []byte {
	for _, a := range all {
		b = binary.AppendUvarint(b, position-a.Position)
		b = binary.AppendVarint(b, a.At-epoch)
		position = a.Position
	}
	return b
}

// earlier reads the earlier additions of an entry; each takes two bytes or more, so the number is not believed.
func (r *reader) earlier(e *Entry) (all []Earlier) {
	n := r.uvarint()
	r.require(n != 0 && n <= uint64(len(r.b)))
	position, earliest := e.Added, day(e.At)
	for ; n > 0 && !r.bad; n-- {
		a := Earlier{r.before(position, e.Lifted), r.varint() + epoch}
		r.require(a.Position < position && day(a.At) < earliest)
		position, earliest = a.Position, day(a.At)
		all = append(all, a)
	}
	return all
}
