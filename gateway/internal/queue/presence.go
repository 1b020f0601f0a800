package queue

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"heed/gateway/internal/queue/format"
)

// ErrMissing is Open's error under Options.MustExist when there is no queue.
var ErrMissing = errors.New("the queue is gone: bring its folder back from a copy, or what was accepted will not be sent")

// checkPresence refuses a folder in which Pebble would found a new store in the place of a lost one: it goes by the
// marker alone, and deletes every table that the new store does not know. Nothing is touched. Errors: ErrMissing, format.ErrDamaged.
func checkPresence(fs vfs.FS, dir string, mustExist bool) error {
	names, err := fs.List(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	remains := ""
	for _, name := range names {
		if strings.HasPrefix(name, "marker.manifest.") {
			return nil
		}
		if isOfAStore(name) {
			remains = name
		}
	}
	switch {
	case remains != "":
		return fmt.Errorf("%w: %s holds %s, but no marker.manifest file, which says what else is valid: keep the folder as it is and bring back a copy",
			format.ErrDamaged, dir, remains)
	case mustExist:
		return fmt.Errorf("%w: nothing in %s", ErrMissing, dir)
	}
	return nil
}

// isOfAStore tells the files that only a store has whose marker was on stable storage. Founding makes the first MANIFEST before its marker and
// everything else after it, so a crash in between leaves that one alone.
func isOfAStore(name string) bool {
	numbered := name[0] >= '0' && name[0] <= '9' // logs, tables
	return numbered || strings.HasPrefix(name, "OPTIONS-") || strings.HasPrefix(name, "MANIFEST-") && name != "MANIFEST-000001"
}
