package suppressiontest

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"heed/suppression"
	"heed/suppression/policy"

	"pgregory.net/rapid"
)

// Key is the i-th of any number of keys, spread like digests.
func Key(i int) (k suppression.Key) {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
	copy(k[:], sum[:])
	return k
}

// Changes draws what one Apply could bring, valid for a list at the position: few keys, reasons and topics, so that
// changes meet. No two additions in it are of the same row.
func Changes(keys int, position uint64) *rapid.Generator[[]suppression.Change] {
	return rapid.SliceOfNDistinct(Change(keys, position), 1, 4, func(c suppression.Change) any {
		return [...]any{c.Key, c.Op, c.Row.Reason, c.Row.Topic}
	})
}

// Change draws one addition or lift.
func Change(keys int, position uint64) *rapid.Generator[suppression.Change] {
	return rapid.Custom(func(t *rapid.T) suppression.Change {
		c := suppression.Change{
			Key: Key(rapid.IntRange(0, keys-1).Draw(t, "key")),
			Op:  rapid.SampledFrom([]suppression.Op{suppression.Add, suppression.Add, suppression.Lift}).Draw(t, "op"),
		}
		c.Row.Reason = rapid.SampledFrom(reasons).Draw(t, "reason")
		c.Row.Topic = rapid.SampledFrom([]string{"", "weekly", "offers"}).Draw(t, "topic")
		if c.Op == suppression.Lift {
			c.Observed = rapid.Uint64Range(0, position).Draw(t, "observed")
			if rapid.Bool().Draw(t, "any reason") {
				c.Row.Reason = 0
			}
			return c
		}
		c.Row.Class = policy.Class(rapid.IntRange(0, 4).Draw(t, "class"))
		c.Row.Source = suppression.Source(rapid.IntRange(1, 10).Draw(t, "source"))
		c.Row.AllChannels = rapid.Bool().Draw(t, "all channels")
		c.Row.At = time.Unix(rapid.Int64Range(1.5e9, 2e9).Draw(t, "at"), 0).UTC()
		return c
	})
}

// reasons has some that the person may lift and some that only an operator may.
var reasons = []policy.Reason{policy.UnsubscribeTopic, policy.UnsubscribeAll, policy.Complaint, policy.HardBounce, policy.Erasure}
