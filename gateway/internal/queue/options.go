package queue

import (
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options of Open. Zero values mean the defaults named here.
type Options struct {
	FS          vfs.FS           // nil: the operating system's, with disk-health checks
	Now         func() time.Time // nil: time.Now
	ResultDelay time.Duration    // longest wait of a result for its group's sync; default 10ms
	MaxUnsynced int              // results not yet durable at which Record waits; default 1024. A disk that syncs in 5ms so takes 200,000 results/s
	Retention   time.Duration    // how long finished batches can be asked for; default 7 days
	CacheBytes  int64            // of blocks read, outside Go's heap; default 64 MiB
	MustExist   bool             // there has been a queue: to find none is ErrMissing, and nothing is changed
	MinFree     uint64           // bytes of free disk below which Append and Stage answer ErrFull; default 0: never. Record and Put go on
	Trouble     func(error)      // called once, when the store can no longer write; must not block
}

func (o *Options) setDefaults() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.ResultDelay <= 0 {
		o.ResultDelay = 10 * time.Millisecond
	}
	if o.MaxUnsynced <= 0 {
		o.MaxUnsynced = 1024
	}
	if o.Retention <= 0 {
		o.Retention = 7 * 24 * time.Hour
	}
	if o.CacheBytes <= 0 {
		o.CacheBytes = 64 << 20
	}
}
