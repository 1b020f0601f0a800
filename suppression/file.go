package suppression

import (
	"errors"
	"fmt"

	"heed/suppression/filter"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	filterName = "filter"
	filterTemp = "filter.new"
)

// errStale is the cause of every error by which a filter file is passed over. Harmless: the filter is built anew.
var errStale = errors.New("no usable filter file")

// loadFilter reads the filter file and gives its label. Whatever is wrong with it, or with reading it, is errStale: the store has
// everything. Unless the file says that the store has not: that is ErrCorrupt.
func (l *List) loadFilter() (*filter.Filter, filter.Label, error) {
	var label filter.Label
	file, err := l.fs.Open(l.fs.PathJoin(l.dir, filterName), vfs.SequentialReadsOption)
	if err != nil {
		return nil, label, fmt.Errorf("%w: %v", errStale, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, label, fmt.Errorf("%w: %v", errStale, err)
	}
	f, err := filter.Read(file, info.Size(), func(got filter.Label) error {
		label = got
		return l.fits(label)
	})
	if errors.Is(err, ErrCorrupt) {
		return nil, label, err
	}
	if err != nil {
		return nil, label, fmt.Errorf("%w: %v", errStale, err)
	}
	l.upkeep.fileBytes.Store(uint64(info.Size()))
	return f, label, nil
}

// fits refuses a filter of other keys. That it belongs to this store's history, replay finds out. A filter is saved only with what the store
// has on stable storage, so one of another store or of a later time means that the store which stood here was lost.
func (l *List) fits(label filter.Label) error {
	if label.Store != l.store.ID() || label.Position > l.store.Last() {
		return fmt.Errorf("%w: the file %s was saved at position %d of the list, and the store beside it is another one or has only %d: "+
			"bring back the copy of both; if an older copy was put back on purpose, move that file aside",
			ErrCorrupt, l.fs.PathJoin(l.dir, filterName), label.Position, l.store.Last())
	}
	if label.Secret != l.secret {
		return errors.New("its keys were made with another secret")
	}
	return nil
}

// saveFilter replaces the filter file: a crash leaves either the old one or the new one.
func (l *List) saveFilter(f *filter.Filter, label filter.Label) (size uint64, err error) {
	temp := l.fs.PathJoin(l.dir, filterTemp)
	file, err := l.fs.Create(temp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return 0, err
	}
	err = f.Save(file, label)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return 0, errors.Join(err, l.fs.Remove(temp))
	}
	if err := l.fs.Rename(temp, l.fs.PathJoin(l.dir, filterName)); err != nil {
		return 0, err
	}
	info, err := l.fs.Stat(l.fs.PathJoin(l.dir, filterName))
	if err != nil {
		return 0, err
	}
	return uint64(info.Size()), l.syncDir()
}

func (l *List) syncDir() error {
	dir, err := l.fs.OpenDir(l.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
