package format

import (
	"bytes"
	"testing"
)

// FuzzParseKey feeds any bytes to every reader of a key: damage is an error, and what is read is the key of what was read.
func FuzzParseKey(f *testing.F) {
	for _, seed := range [][]byte{nil, SegmentKey(Headers, 5), ResultKey(5, 6), BatchKey(id(1), PartHead), IndexKey(id(1), 7), StageKey(id(1)),
		FinishedKey(5000, id(1)), ExpiryKey(5000, RecordKey("s", "k")), bytes.Repeat([]byte{'x'}, 18)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, k []byte) {
		check := func(kind string, err error, again []byte) {
			if undamaged(t, err) && !bytes.Equal(again[1:], k[1:]) {
				t.Errorf("%s: read %x, means %x", kind, k, again)
			}
		}
		number, err := ParseSegmentKey(k)
		check("segment", err, SegmentKey(Headers, number))
		number, group, err := ParseResultKey(k)
		check("results", err, ResultKey(number, group))
		id, err := ParseStageKey(k)
		check("stage", err, StageKey(id))
		id, part, first, err := ParseBatchKey(k)
		if part == PartIndex {
			check("index", err, IndexKey(id, first))
		} else {
			check("batch", err, BatchKey(id, part))
		}
		if id, err := ParseFinishedKey(k); undamaged(t, err) && !bytes.HasSuffix(k, id[:]) {
			t.Errorf("finished batch %x of %x", id, k)
		}
		if record, err := ParseExpiryKey(k); undamaged(t, err) && !bytes.HasSuffix(k, record) {
			t.Errorf("record %x of %x", record, k)
		}
	})
}

// TestKeys_LieInTheOrderTheyAreScannedIn, bounds included.
func TestKeys_LieInTheOrderTheyAreScannedIn(t *testing.T) {
	ordered := func(name string, keys ...[]byte) {
		t.Helper()
		for i := 1; i < len(keys); i++ {
			if bytes.Compare(keys[i-1], keys[i]) >= 0 {
				t.Errorf("%s: key %d does not lie before key %d", name, i-1, i)
			}
		}
	}
	lower, upper := BatchBounds(id(1))
	ordered("batch", Batches.Start(), lower, BatchKey(id(1), PartControl), BatchKey(id(1), PartHead), BatchKey(id(1), PartCounts),
		BatchKey(id(1), PartIndex), IndexKey(id(1), 0), IndexKey(id(1), 1<<31), upper, BatchKey(id(2), 0), Batches.End())
	ordered("results", SegmentKey(Results, 7), ResultKey(7, 0), ResultKey(7, 300), SegmentKey(Results, 8), Results.End())
	ordered("time", TimeKey(Finished, -1), FinishedKey(1000, id(9)), FinishedKey(300_000, id(1)), Finished.End())
	lower, upper = RecordBounds("s", "b")
	ordered("records", RecordKey("s", "a"), RecordKey("s", "b"), lower, RecordKey("s", "b0"), RecordKey("s", "\xff"), upper, RecordKey("sa", ""))
	lower, _ = RecordBounds("s", "")
	if !bytes.Equal(lower, RecordKey("s", "")) || ParseRecordKey("s", RecordKey("s", "a\x00b")) != "a\x00b" {
		t.Error("a record whose key is empty is left out, or a key reads back as another")
	}
}
