package store

import (
	"io"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// merger joins the values of a row. Its name is stored: a store written with another one does not open.
var merger = &pebble.Merger{
	Name: "heed.suppression.1",
	Merge: func(_, value []byte) (pebble.ValueMerger, error) {
		return &joining{raw: slices.Clone(value)}, nil
	},
}

// joining is one merge under way. A single operand, the common case, passes through undecoded; who reads it checks it.
type joining struct {
	raw []byte // the first operand, until a second one comes
	set Set
}

// MergeNewer and MergeOlder are one operation, since joining is commutative.
func (j *joining) MergeNewer(value []byte) error { return j.join(value) }
func (j *joining) MergeOlder(value []byte) error { return j.join(value) }

func (j *joining) join(value []byte) error {
	if j.set == nil {
		first, err := ParseSet(nil, j.raw)
		if err != nil {
			return err
		}
		j.set = first
	}
	next, err := ParseSet(nil, value)
	if err != nil {
		return err
	}
	j.set = Join(j.set, next)
	return nil
}

// Finish ignores includesBase: a partial join is as good a value as a full one.
func (j *joining) Finish(bool) ([]byte, io.Closer, error) {
	if j.set == nil {
		return j.raw, nil, nil
	}
	return j.set.Append(nil), nil, nil
}
