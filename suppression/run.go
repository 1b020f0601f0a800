package suppression

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"heed/suppression/filter"
	"heed/suppression/internal/store"
)

// upkeep is what Run has to know.
type upkeep struct {
	wake      chan struct{}          // there may be something to do
	why       atomic.Pointer[string] // the filter must be built anew because of this; nil: it need not
	unsaved   atomic.Uint64          // changes since the filter was last saved, or since saving was last tried
	saved     atomic.Uint64          // position of the filter file
	fileBytes atomic.Uint64
}

const (
	// saveAfter is how many changes the next start may have to replay (about a second); with a large list more, so
	// that saving it stays a small share of the writing.
	saveAfter      = 1 << 19
	saveAfterShare = 16
)

// Run does the background work (filter rebuild and growth, snapshots) until ctx ends. It returns early only with
// the error of a store that cannot be read. Requires: one Run at a time.
func (l *List) Run(ctx context.Context) error {
	for {
		if err := l.maintain(ctx); err != nil && ctx.Err() == nil {
			return fmt.Errorf("suppression list upkeep: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-l.upkeep.wake:
		}
	}
}

// maintain does what is due. A filter file that cannot be written costs only the next start's time.
func (l *List) maintain(ctx context.Context) error {
	if why := l.rebuildDue(); why != "" {
		if err := l.rebuild(ctx, why); err != nil {
			return err
		}
	} else if !l.saveDue() {
		return nil
	}
	if err := l.saveIfChanged(); err != nil {
		l.o.Events.trouble(err)
	}
	return nil
}

// changed is told of each commit's changes.
func (l *List) changed(n int) {
	l.upkeep.unsaved.Add(uint64(n))
	if l.rebuildDue() == "" && !l.saveDue() {
		return
	}
	select {
	case l.upkeep.wake <- struct{}{}:
	default:
	}
}

// rebuildDue says why the filter has to be built anew; "" if it need not.
func (l *List) rebuildDue() string {
	if why := l.upkeep.why.Load(); why != nil {
		return *why
	}
	if f := l.ready.Load(); f.Len() > f.Cap() {
		return "it has grown past its capacity"
	}
	return ""
}

func (l *List) saveDue() bool {
	f := l.ready.Load()
	return f != nil && l.upkeep.unsaved.Load() >= max(saveAfter, f.Len()/saveAfterShare)
}

// rebuild makes a new filter out of the store while commits go on. The old one, or the store, answers meanwhile.
//
// Nothing is missed: commits add to the new filter from adopt on, and what was committed before is in
// the snapshot, which is taken later.
func (l *List) rebuild(ctx context.Context, why string) error {
	l.o.Events.rebuilding(why)
	start := time.Now()
	keys, err := l.countKeys(ctx)
	if err != nil {
		return err
	}
	f, err := filter.New(max(uint64(l.o.Capacity), keys+keys/4), l.o.FalsePositives)
	if err != nil {
		return err
	}
	l.adopt(f)
	if err := l.scan(ctx, Key{}, func(key Key, set store.Set) bool {
		if set.Present() {
			f.Add(key)
		}
		return true
	}); err != nil {
		l.adopt(nil)
		return err
	}
	l.promote(f)
	l.o.Events.ready(f.Len(), time.Since(start))
	return nil
}

// countKeys tells how large the filter must be: the old one knows well enough.
func (l *List) countKeys(ctx context.Context) (n uint64, err error) {
	if f := l.ready.Load(); f != nil {
		return f.Len(), nil
	}
	err = l.scan(ctx, Key{}, func(Key, store.Set) bool { n++; return true })
	return n, err
}

// adopt has commits add to f too, or to no other filter than the ready one if f is nil.
func (l *List) adopt(f *filter.Filter) {
	l.commit.Lock()
	defer l.commit.Unlock()
	l.commit.next = f
}

// promote lets f answer.
func (l *List) promote(f *filter.Filter) {
	l.commit.Lock()
	defer l.commit.Unlock()
	l.commit.next = nil
	l.ready.Store(f)
	l.upkeep.why.Store(nil)
	l.upkeep.saved.Store(unsavedYet)
}

// unsavedYet is no position: the filter in memory has never been on disk.
const unsavedYet = 1<<64 - 1

// saveIfChanged saves the filter unless the file is as it should be, and then forgets the journal that only an older
// file would need.
func (l *List) saveIfChanged() error {
	f, label := l.saveable()
	position := label.Position
	if f == nil || l.upkeep.saved.Load() == position {
		return nil
	}
	l.upkeep.unsaved.Store(0)
	size, err := l.saveFilter(f, label)
	if err != nil {
		return fmt.Errorf("save suppression filter: %w", err)
	}
	l.upkeep.saved.Store(position)
	l.upkeep.fileBytes.Store(size)
	// The last record stays: it is how the next start knows the position.
	if keep := max(l.o.KeepJournal, 1); position > keep {
		return l.store.ForgetJournal(position - keep)
	}
	return nil
}

// saveable pairs the filter with the label of a position whose changes are all in it.
func (l *List) saveable() (*filter.Filter, filter.Label) {
	l.commit.Lock()
	defer l.commit.Unlock()
	return l.ready.Load(), filter.Label{
		Store: l.store.ID(), Secret: l.secret, Position: l.position.Load(), History: l.store.History(),
	}
}

// openFilter gets a filter ready if that can be done without reading all rows; else Run will.
func (l *List) openFilter() error {
	f, label, err := l.loadFilter()
	if l.position.Load() == 0 && !errors.Is(err, ErrCorrupt) {
		f, err := filter.New(uint64(l.o.Capacity), l.o.FalsePositives)
		l.ready.Store(f)
		return err
	}
	if err == nil {
		err = l.replay(f, label)
	}
	switch {
	case errors.Is(err, errStale) || errors.Is(err, store.ErrJournal):
		l.setWhy(err.Error())
		return nil
	case err != nil:
		return err
	}
	l.upkeep.saved.Store(label.Position)
	l.ready.Store(f)
	if f.Rate() != l.o.FalsePositives || f.Cap() < uint64(l.o.Capacity) {
		l.setWhy("its size does not follow from the settings")
	}
	return nil
}

func (l *List) setWhy(why string) {
	l.upkeep.why.Store(&why)
	l.upkeep.wake <- struct{}{} // buffered, and only Open sends before Run
}

// replay adds what the journal has after the filter's position.
func (l *List) replay(f *filter.Filter, label filter.Label) error {
	return l.store.Replay(label.Position, label.History, func(changes []store.Change) error {
		for i := range changes {
			if isAdd(&changes[i]) {
				f.Add(changes[i].Key)
			}
		}
		l.upkeep.unsaved.Add(uint64(len(changes)))
		return nil
	})
}
