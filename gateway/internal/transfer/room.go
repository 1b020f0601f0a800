package transfer

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrNoRoom says that a file was not taken because the disk is nearly full, or the tenant's files that wait are too many bytes. It
// wraps which of the two; later there may be room.
var ErrNoRoom = errors.New("transfer: there is no room for the file")

// roomStep is how much of a file is written between two looks at the disk: by so much, for each upload under way, may
// Options.MinFree be missed.
const roomStep = 4 << 20

// room reports whether more of a tenant's file may be written.
func (r *Runner) room(tenant string) error {
	if r.waiting.of(tenant) >= r.o.MaxWaiting {
		return fmt.Errorf("%w: files of earlier imports wait: start this one when they are done", ErrNoRoom)
	}
	if r.o.MinFree == 0 {
		return nil
	}
	usage, err := r.o.FS.GetDiskUsage(r.dir)
	if errors.Is(err, vfs.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("free space: %w", err)
	}
	if usage.AvailBytes < r.o.MinFree {
		return fmt.Errorf("%w: the disk is nearly full", ErrNoRoom)
	}
	return nil
}

// noRoom gives the file system's own word for a full disk ours.
func noRoom(err error) error {
	if vfs.IsNoSpaceError(err) {
		return fmt.Errorf("%w: %w", ErrNoRoom, err)
	}
	return err
}

// waiting counts the bytes of each tenant's files that wait for their import, or are on their way in.
type waiting struct {
	sync.Mutex
	bytes map[string]int64
}

func (w *waiting) of(tenant string) int64 {
	w.Lock()
	defer w.Unlock()
	return w.bytes[tenant]
}

func (w *waiting) add(tenant string, n int64) {
	w.Lock()
	defer w.Unlock()
	if w.bytes[tenant] += n; w.bytes[tenant] <= 0 {
		delete(w.bytes, tenant)
	}
}
