package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// killed gives the newest log of a store that was killed after commits of so many changes each.
func killed(t testing.TB, commits ...int) (log []byte, number uint32) {
	t.Helper()
	fs := vfs.NewMem()
	s := open(t, fs)
	n := 0
	for i, size := range commits {
		rec := Record{Position: uint64(i + 1)}
		for range size {
			rec.Changes = append(rec.Changes, Change{key(n), Entry{Reason: 2, Added: rec.Position, At: epoch}})
			n++
		}
		if err := s.Commit([]Record{rec}); err != nil {
			t.Fatal(err)
		}
	}
	newest := newestLog(t, fs)
	log = readFile(t, fs, newest.name)
	closeStore(t, s)
	return log, uint32(newest.number)
}

func newestLog(t testing.TB, fs vfs.FS) logFile {
	t.Helper()
	names, err := fs.List("list")
	if err != nil {
		t.Fatal(err)
	}
	return logFiles(names)[0]
}

func readFile(t testing.TB, fs vfs.FS, name string) []byte {
	t.Helper()
	f, err := fs.Open(fs.PathJoin("list", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeFile(t testing.TB, fs vfs.FS, name string, b []byte) {
	t.Helper()
	f, err := fs.Create(fs.PathJoin("list", name), vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = f.Write(b); err != nil || f.Close() != nil {
		t.Fatal(err)
	}
}

func isDamaged(t testing.TB, log []byte, number uint32) bool {
	t.Helper()
	_, damaged, err := findDamage(bytes.NewReader(log), number)
	if err != nil {
		t.Fatal(err)
	}
	return damaged
}

// chunks calls fn for each chunk of an undamaged log.
func chunks(t testing.TB, log []byte, number uint32, fn func(at int, chunk []byte)) {
	t.Helper()
	s := scan{}
	binary.LittleEndian.PutUint32(s.number[:], number)
	for at := 0; at < len(log); {
		end := min(len(log), at-at%walBlock+walBlock)
		size, _, ok := s.chunk(log[at:end])
		if ok {
			fn(at, log[at:at+size])
		} else if size = end - at; size >= walHeader {
			t.Fatalf("no chunk at %d", at)
		}
		at += size
	}
}

// lastRecord is where the last record of a log begins: all before it was acknowledged.
func lastRecord(t testing.TB, log []byte, number uint32) (start int) {
	t.Helper()
	chunks(t, log, number, func(at int, chunk []byte) {
		if begins(chunk) {
			start = at
		}
	})
	return start
}

var shapes = map[string][]int{
	"one block":               slices.Repeat([]int{1}, 30),
	"more blocks":             slices.Repeat([]int{30}, 60),
	"chunks over many blocks": {1, 3000, 1, 3000, 1, 1, 1},
	"a long record last":      {1, 1, 1, 1, 1100},
}

func TestFindDamage_WhatWasAcknowledgedIsGuarded(t *testing.T) {
	for name, commits := range shapes {
		log, number := killed(t, commits...)
		if isDamaged(t, log, number) {
			t.Fatalf("%s: damaged from the start", name)
		}
		last := lastRecord(t, log, number)
		if last == 0 {
			t.Fatalf("%s: a log of one record", name)
		}
		step := 1 + last/20_000
		for at := 0; at < last; at += step {
			log[at] ^= 1 << (at % 8)
			if !isDamaged(t, log, number) {
				t.Errorf("%s: byte %d of %d acknowledged ones is damaged, and nobody sees it", name, at, last)
			}
			log[at] ^= 1 << (at % 8)
		}
	}
}

// A crash leaves of the last record any sectors, and behind them nothing, zeros, or an older log that the file had held.
func TestFindDamage_ATornTailIsNone(t *testing.T) {
	for name, commits := range shapes {
		log, number := killed(t, commits...)
		older := bytes.Clone(log)
		relabel(t, older, number, number-2)
		check := func(what string, at int, log []byte) {
			t.Helper()
			if isDamaged(t, log, number) {
				t.Fatalf("%s: %s at %d is taken for damage", name, what, at)
			}
		}
		for cut := 0; cut <= len(log); cut += 1 + len(log)/2000 {
			check("the end", cut, log[:cut])
			check("zeros", cut, append(log[:cut:cut], make([]byte, len(log)-cut)...))
			check("an older log", cut, append(log[:cut:cut], older[cut:]...))
		}
		const sector = 512
		for at := lastRecord(t, log, number); at < len(log); at += 1 + len(log)/2000 {
			end := min(len(log), at-at%sector+sector)
			holed := bytes.Clone(log)
			clear(holed[at:end])
			check("a sector of zeros", at, holed)
			copy(holed[at:end], older[at:end])
			check("a sector of an older log", at, holed)
		}
	}
}

// relabel makes a log one of another number.
func relabel(t testing.TB, log []byte, from, to uint32) {
	t.Helper()
	chunks(t, log, from, func(_ int, chunk []byte) {
		binary.LittleEndian.PutUint32(chunk[walNumber:], to)
		binary.LittleEndian.PutUint32(chunk, masked(chunk[walKind:]))
	})
	if lastRecord(t, log, to) == 0 {
		t.Fatal("not a log of the other number")
	}
}

// What Pebble takes for the regular end of an older log is looked into; anything else wrong with one is Pebble's to judge, which
// knows whether it is still needed. A newest log that a clean stop has left says that none is.
func TestCheckLogs_LooksIntoOlderLogsOnlyForFalseEnds(t *testing.T) {
	log, number := killed(t, shapes["one block"]...)
	falseEnd := bytes.Clone(log)
	falseEnd[walNumber]++
	badSpot := bytes.Clone(log)
	badSpot[walHeader] ^= 1
	relabel(t, log, number, 9)
	end := make([]byte, walPlain)
	end[walKind], end[walNumber] = 5, 10
	check := func(what string, older, newest []byte, want error) {
		t.Helper()
		fs := vfs.NewMem()
		if err := fs.MkdirAll("list", 0o755); err != nil {
			t.Fatal(err)
		}
		oldName := strings.Repeat("0", 5) + string(rune('0'+number)) + ".log"
		writeFile(t, fs, oldName, older)
		writeFile(t, fs, "000009.log", newest)
		if err := checkLogs(fs, "list"); !errors.Is(err, want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	check("a false end", falseEnd, log, ErrCorrupt)
	check("another bad spot", badSpot, log, nil)
	check("a false end before a clean stop", falseEnd, end, nil)
}

// A start after a clean stop has nothing to replay, however much there was.
func TestClose_LeavesNoLogToReplay(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, fs)
	commit(t, s, 1, 100)
	closeStore(t, s)
	newest := newestLog(t, fs)
	if got, _, err := newest.scan(fs, "list"); err != nil || got.gap != 0 || !got.closed {
		t.Fatalf("the newest log is %+v, %v", got, err)
	}
	s = open(t, fs)
	defer closeStore(t, s)
	if m := s.db.Metrics(); m.Levels[0].TablesCount+m.Total().TablesCount == 0 || s.Last() != 100 {
		t.Fatalf("last %d, tables:\n%v", s.Last(), m)
	}
}

func FuzzFindDamage(f *testing.F) {
	log, number := killed(f, shapes["one block"]...)
	f.Add(log, number)
	bad := bytes.Clone(log)
	bad[100] ^= 1
	f.Add(bad, number)
	f.Add([]byte{}, uint32(0))
	f.Add(make([]byte, walBlock+5), uint32(0))
	f.Fuzz(func(t *testing.T, log []byte, number uint32) {
		s, damaged, err := findDamage(bytes.NewReader(log), number)
		if err != nil {
			t.Fatal(err)
		}
		if s.gap >= int64(len(log)) || damaged && s.gap < 0 {
			t.Fatalf("damage at %d of %d bytes", s.gap, len(log))
		}
		// The first zeros may complete a chunk whose last bytes were zeros and cut off; further ones can complete nothing.
		padded := append(log[:len(log):len(log)], make([]byte, walBlock)...)
		if !isDamaged(t, padded, number) && isDamaged(t, append(padded, make([]byte, walBlock)...), number) {
			t.Fatal("zeros at the end prove nothing")
		}
	})
}
