package transfer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"heed/suppression"
	"heed/suppression/address"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options of Open. List, Records and Secret are required.
type Options struct {
	FS       vfs.FS // nil: the operating system's
	List     list
	Records  records
	Secret   []byte           // the secret the list's keys are made with
	Now      func() time.Time // nil: time.Now
	MaxBytes int64            // most bytes of a file; 0: 16 GiB
	// MaxWaiting bounds the bytes of a tenant's files that wait for their import; Start passes it by one step of 4 MiB at most for each
	// upload under way. 0: 32 GiB.
	MaxWaiting int64
	MinFree    uint64        // bytes of free disk below which Start answers ErrNoRoom; 0: never
	Keep       time.Duration // how long a finished job can be asked for; 0: 30 days
	Pause      time.Duration // before a job is tried again whose list or store did not answer; 0: 5 s
	Trouble    func(error)   // told each time that happens; must not block; may be nil
}

// Runner runs imports, one after the other, oldest first. Safe for concurrent use.
type Runner struct {
	o    Options
	dir  string
	wake chan struct{}

	waiting waiting
}

// ErrTooLarge says that a file is over Options.MaxBytes.
var ErrTooLarge = errors.New("transfer: the file is too large: split it")

// Open prepares dir, in which files wait for their import, and clears away those that became no job. There is nothing to close.
func Open(dir string, o Options) (*Runner, error) {
	if err := address.CheckSecret(o.Secret); err != nil {
		return nil, fmt.Errorf("open imports: %w", err)
	}
	r := &Runner{o: o.withDefaults(), dir: dir, wake: make(chan struct{}, 1), waiting: waiting{bytes: map[string]int64{}}}
	if err := r.o.FS.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open imports: %w", err)
	}
	if err := r.syncDir(r.o.FS.PathDir(dir)); err != nil {
		return nil, fmt.Errorf("open imports: %w", err)
	}
	return r, r.clear()
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 16 << 30
	}
	if o.MaxWaiting == 0 {
		o.MaxWaiting = 32 << 30
	}
	if o.Keep == 0 {
		o.Keep = 30 * 24 * time.Hour
	}
	if o.Pause == 0 {
		o.Pause = 5 * time.Second
	}
	if o.Trouble == nil {
		o.Trouble = func(error) {}
	}
	return o
}

// Start takes a file in and answers with the id of the job that will import it. When it returns nil, file and job are on
// stable storage. An error is ErrFormat, ErrTooLarge, ErrNoRoom, or the cause; then there is no job, and nothing is left of
// the file.
func (r *Runner) Start(tenant string, d Defaults, file io.Reader) (id string, err error) {
	if _, err := d.layout(); err != nil {
		return "", err // before a long upload
	}
	now := r.o.Now().UTC().Truncate(time.Second)
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	id = fmt.Sprintf("%s%012x%x", prefix, r.o.Now().UnixMilli(), random)
	size, err := r.spool(id, tenant, d, file)
	if err != nil {
		_ = r.o.FS.Remove(r.path(id))
		r.waiting.add(tenant, -size)
		return "", err
	}
	s := Status{ID: id, Tenant: tenant, State: Queued, Defaults: d, Size: size, Created: now, Reasons: map[string]uint64{}, Rejects: map[Code]uint64{}}
	if err := r.save(&s, nil); err != nil {
		return "", fmt.Errorf("record import: %w", err)
	}
	select {
	case r.wake <- struct{}{}:
	default: // already woken
	}
	return id, nil
}

// Run works through the jobs until ctx ends; what is in hand then goes on where its last checkpoint is. A list or store that does
// not answer is told to Options.Trouble and asked again after a pause.
func (r *Runner) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		var pause <-chan time.Time
		if err := r.turn(ctx); err != nil && ctx.Err() == nil {
			r.o.Trouble(err)
			pause = time.After(r.o.Pause)
		}
		select {
		case <-ctx.Done():
		case <-r.wake:
		case <-pause:
		}
	}
	return nil
}

// turn runs every job that is not finished.
func (r *Runner) turn(ctx context.Context) error {
	open, err := r.jobs("", func(s *Status) bool { return s.Finished.IsZero() })
	if err != nil {
		return fmt.Errorf("look for imports: %w", err)
	}
	slices.SortFunc(open, func(a, b Status) int { return strings.Compare(a.ID, b.ID) }) // ids begin with the time
	for i := range open {
		if err := r.work(ctx, &open[i]); err != nil {
			return fmt.Errorf("import %s: %w", open[i].ID, err)
		}
	}
	return nil
}

// work runs a job from its checkpoint to its end. An error means that it is to be tried again from there.
func (r *Runner) work(ctx context.Context, s *Status) error {
	file, err := r.openSpool(s.ID)
	if err != nil {
		return r.finish(s, nil, fmt.Errorf("its file is lost: %w", err))
	}
	defer file.Close()
	i, err := newImporter(s, file, r.o.Secret)
	if err != nil {
		return r.finish(s, nil, err)
	}
	s.State = Running
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		read := i.batch()
		if read != nil && read != io.EOF {
			return read // of the disk
		}
		err := r.apply(ctx, i.changes)
		if errors.Is(err, suppression.ErrChange) {
			return r.finish(s, nil, err) // trying again would not help, and hold up all other jobs
		}
		if err != nil {
			return err
		}
		s.count(i)
		if read == io.EOF {
			return r.finish(s, i.rejects, nil)
		}
		if err := r.save(s, i.rejects); err != nil {
			return err
		}
	}
}

// apply makes the changes of a batch, which are more than one Apply takes where entries have two keys or a row names thousands of
// topics. What was added before an error is added again, and counted once.
func (r *Runner) apply(ctx context.Context, changes []suppression.Change) error {
	for part := range slices.Chunk(changes, suppression.MaxChanges) {
		if _, err := r.o.List.Apply(ctx, part...); err != nil {
			return err
		}
	}
	return nil
}

// finish records a job's end and lets go of its file.
func (r *Runner) finish(s *Status, rejects []*RowError, why error) error {
	s.State, s.Finished = Done, r.o.Now().UTC().Truncate(time.Second)
	if why != nil {
		s.State, s.Detail = Failed, why.Error()
	}
	if err := r.save(s, rejects); err != nil {
		return err
	}
	_ = r.o.FS.Remove(r.path(s.ID)) // Open does it otherwise
	r.waiting.add(s.Tenant, -s.Size)
	return nil
}
