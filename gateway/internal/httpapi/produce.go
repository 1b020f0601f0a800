package httpapi

import (
	"context"
	"errors"
	"io"
)

// produced is what a writer writes, to be read. Its goroutine ends before Close returns.
type produced struct {
	*io.PipeReader
	cancel context.CancelFunc
	ended  chan struct{}
}

// produce starts write, which is stopped by Close: its context ends and its writes fail.
func produce(ctx context.Context, write func(context.Context, io.Writer) error) *produced {
	ctx, cancel := context.WithCancel(ctx)
	r, w := io.Pipe()
	p := &produced{PipeReader: r, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		w.CloseWithError(guarded(ctx, w, write))
	}()
	return p
}

// guarded turns a panic of write, which would end the process, into an error.
func guarded(ctx context.Context, w io.Writer, write func(context.Context, io.Writer) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("panic while an answer was produced: " + panicType(r))
		}
	}()
	return write(ctx, w)
}

func (p *produced) Close() error {
	p.cancel()
	p.PipeReader.Close()
	<-p.ended
	return nil
}
