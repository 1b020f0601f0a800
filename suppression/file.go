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

// loadFilter reads the filter file and gives its label. Whatever is wrong with it, or with reading it, is errStale:
// the store has everything.
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
	if err != nil {
		return nil, label, fmt.Errorf("%w: %v", errStale, err)
	}
	l.upkeep.fileBytes.Store(uint64(info.Size()))
	return f, label, nil
}

// fits refuses a filter of other keys. That it belongs to this store's history, replay finds out.
func (l *List) fits(label filter.Label) error {
	if label.Store != l.store.ID() {
		return errors.New("it belongs to another store")
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
