package app

import (
	"context"
	"errors"
	"fmt"
)

// part is something that runs from start to stop.
type part struct {
	name string
	run  func(context.Context) error // blocks until its context ends
}

// runParts starts the parts in order and waits until ctx ends or one of them does. Then it stops them one by one in reverse order: each has returned
// before the part it stands on is told to stop. It returns what went wrong.
func runParts(ctx context.Context, parts []part) error {
	first := make(chan struct{}, len(parts))
	running := make([]stoppable, len(parts))
	for i, p := range parts {
		running[i] = start(p, first)
	}
	select {
	case <-ctx.Done():
	case <-first:
	}
	var errs []error
	for i := len(running) - 1; i >= 0; i-- {
		if err := running[i].stop(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", parts[i].name, err))
		}
	}
	return errors.Join(errs...)
}

type stoppable struct {
	cancel context.CancelFunc
	ended  chan error
}

func start(p part, first chan<- struct{}) stoppable {
	ctx, cancel := context.WithCancel(context.Background())
	s := stoppable{cancel, make(chan error, 1)}
	go func() {
		s.ended <- p.run(ctx)
		first <- struct{}{}
	}()
	return s
}

func (s stoppable) stop() error {
	s.cancel()
	return <-s.ended
}
