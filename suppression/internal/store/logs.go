package store

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// logFile is a log in the store's folder.
type logFile struct {
	name   string
	number uint64
}

// checkLogs refuses logs in which Pebble would take damage for the torn tail of a crash and go on without what was
// acknowledged. Errors: ErrCorrupt, ErrInUse. Cost: after a clean stop nothing; after a crash the logs are read once more.
//
// In logs before the newest, Pebble itself refuses all but what looks like their regular end. What it need not read is
// no reason to refuse, and only Pebble knows which of them that are, so there only such ends are looked into.
func checkLogs(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	// A log that another process is writing would look damaged.
	lock, err := pebble.LockDirectory(dir, fs)
	if err != nil {
		return err
	}
	return errors.Join(checkEach(fs, dir, logFiles(names)), lock.Close())
}

// logFiles picks the logs, newest first.
func logFiles(names []string) (logs []logFile) {
	for _, name := range names {
		digits, ok := strings.CutSuffix(name, ".log")
		number, err := strconv.ParseUint(digits, 10, 64)
		if ok && err == nil {
			logs = append(logs, logFile{name, number})
		}
	}
	slices.SortFunc(logs, func(a, b logFile) int { return cmp.Compare(b.number, a.number) })
	return logs
}

func checkEach(fs vfs.FS, dir string, logs []logFile) error {
	for i, l := range logs {
		s, damaged, err := l.scan(fs, dir)
		if err != nil {
			return err
		}
		if damaged && (i == 0 || s.closed) {
			return fmt.Errorf("%w: the log %s has a bad spot at byte %d, before changes that were acknowledged; rename the folder "+
				"aside (never delete it) and restore a copy", ErrCorrupt, fs.PathJoin(dir, l.name), s.gap)
		}
		// Close has written this one, after flushing what the others hold. Where it could not flush, they go unread.
		if i == 0 && s.gap == 0 && s.closed {
			return nil
		}
	}
	return nil
}

func (l logFile) scan(fs vfs.FS, dir string) (s scan, damaged bool, err error) {
	f, err := fs.Open(fs.PathJoin(dir, l.name), vfs.SequentialReadsOption)
	if err != nil {
		return s, false, err
	}
	s, damaged, err = findDamage(f, uint32(l.number))
	return s, damaged, errors.Join(err, f.Close())
}
