package dispatch

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Run dispatches until ctx ends, then lets hand-offs that have begun finish for at most Options.Grace, and gives back the rest.
// It returns nil when ctx ended, or the reason why nothing more can be sent. Without lanes it waits for ctx.
func (d *Dispatcher) Run(ctx context.Context) error {
	leasing, stop := context.WithCancel(ctx)
	defer stop()
	handing, cancel := graceful(leasing, d.o.Grace)
	defer cancel()

	var wg sync.WaitGroup
	var once sync.Once
	var cause error
	for _, lane := range d.o.Lanes {
		pause := &pause{now: d.o.Now}
		for range lane.Workers {
			w := newWorker(d, lane, pause)
			wg.Go(func() {
				if err := w.run(leasing, handing); err != nil {
					once.Do(func() { cause = err })
					stop()
				}
			})
		}
	}
	wg.Wait()
	<-leasing.Done()
	return cause
}

// graceful returns a context that outlives ctx by the grace.
func graceful(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(grace):
			cancel()
		case <-out.Done():
		}
	})
	return out, func() { stop(); cancel() }
}

// ended tells whether err only says that the context has ended.
func ended(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded))
}
