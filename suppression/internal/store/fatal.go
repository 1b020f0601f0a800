package store

import (
	"errors"
	"fmt"
	"sync"
)

// fuse turns Pebble's "end the process now" into an error that every later call returns. Pebble calls Logger.Fatalf, which
// must not return, when a WAL or MANIFEST write has failed: what is on disk is then unknown until a new
// process recovers it. The goroutine that reported such a failure is parked for ever with the locks it holds, so that
// nothing goes on in a database in that state; the goroutines waiting for it are let go by do.
type fuse struct {
	once   sync.Once
	gone   chan struct{} // closed when err is set
	err    error
	park   sync.Once
	parked chan struct{} // closed when a goroutine of Pebble has been stopped, maybe with locks held

	failing signal // background work has failed; Pebble tries again
}

// signal is a channel that holds at most one sign.
type signal chan struct{}

func (s signal) give() {
	select {
	case s <- struct{}{}:
	default:
	}
}

func (s signal) clear() {
	select {
	case <-s:
	default:
	}
}

// ErrDead is the cause of every error after the store has failed for good.
var ErrDead = errors.New("suppression store has failed and takes no more work; restart the process once the disk is well")

func newFuse() *fuse {
	return &fuse{gone: make(chan struct{}), parked: make(chan struct{}), failing: make(signal, 1)}
}

// blow makes the failure final; only the first cause counts.
func (f *fuse) blow(cause string) {
	f.once.Do(func() {
		f.err = fmt.Errorf("%w: %s", ErrDead, cause)
		close(f.gone)
	})
}

// blown is the failure, or nil.
func (f *fuse) blown() error {
	select {
	case <-f.gone:
		return f.err
	default:
		return nil
	}
}

// do runs op in a goroutine of its own and waits for it, or for the failure: op may be stuck in a dead database.
func (f *fuse) do(op func() error) error {
	if err := f.blown(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		defer f.catch()
		done <- op()
	}()
	select {
	case err := <-done:
		if dead := f.blown(); dead != nil {
			return dead
		}
		return err
	case <-f.gone:
		// Damage seen stops nobody: op will end, and must have before the database can be closed.
		select {
		case <-done:
		case <-f.parked:
		}
		return f.err
	}
}

// stop makes the failure final and says that whoever met it goes no further.
func (f *fuse) stop(cause string) {
	f.park.Do(func() { close(f.parked) })
	f.blow(cause)
}

// stuck reports whether parts of the database wait for a goroutine that goes no further.
func (f *fuse) stuck() bool {
	select {
	case <-f.parked:
		return true
	default:
		return false
	}
}

// catch makes a panic final too: Pebble panics where a folder cannot be synced.
func (f *fuse) catch() {
	if r := recover(); r != nil {
		f.stop(fmt.Sprint("panic: ", r))
	}
}

// Infof and Errorf drop Pebble's log: libraries do not log, and what matters comes as errors and events.
func (f *fuse) Infof(string, ...any)  {}
func (f *fuse) Errorf(string, ...any) {}

// Fatalf never returns; see fuse.
func (f *fuse) Fatalf(format string, args ...any) {
	f.stop(fmt.Sprintf(format, args...))
	select {}
}
