package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"heed/gateway/internal/ops"
	"heed/gateway/internal/queue"
	"heed/suppression"
)

// parts lists what runs, in the order of start.
func (g *gateway) parts() []part {
	parts := []part{{"stores", g.watchStores}, {"suppression list", g.list.Run}, {"queue", g.queue.Run}}
	if g.sandbox != nil {
		parts = append(parts, part{"inbox", g.sandbox.inbox.Run}, part{"phones", g.sandbox.texts.Run})
	}
	parts = append(parts, part{"imports", g.imports.Run}, part{"dispatch", g.runDispatch})
	if g.mail != nil {
		parts = append(parts, part{"inbound mail", g.mail.Run})
	}
	return append(parts, part{"private listener", g.runPrivate}, part{"public listener", g.runPublic}, part{"info file", g.runInfo})
}

// watchStores ends the gateway when a store has failed for good: a supervisor that starts it anew finds everything that was acknowledged.
func (g *gateway) watchStores(ctx context.Context) error {
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		select {
		case err := <-g.dead:
			return err
		case <-look.C:
			if err := g.list.CheckBatch(ctx, nil, nil); errors.Is(err, suppression.ErrDead) {
				return fmt.Errorf("list: %w", err)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// runDispatch hands off until ctx ends, and sees to it that what it recorded is on disk.
func (g *gateway) runDispatch(ctx context.Context) error {
	err := g.dispatch.Run(ctx)
	flush, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(err, g.queue.Flush(flush))
}

// runPublic serves the public front until ctx ends, and then lets the calls that run finish.
func (g *gateway) runPublic(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- g.public.Serve(g.listeners.public) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.Background(), g.c.Shutdown.Grace)
	defer cancel()
	return errors.Join(ignoreDeadline(g.public.Shutdown(drain)), <-served)
}

// ignoreDeadline takes a drain that ran out of time for what it is: calls were cut, nothing acknowledged was lost.
func ignoreDeadline(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

func (g *gateway) runPrivate(ctx context.Context) error {
	s := &http.Server{
		Handler:           ops.Handler(g.metrics, g.report),
		ReadHeaderTimeout: 5 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(g.listeners.private); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// report is what /readyz says: faults, and gaps of the settings.
func (g *gateway) report() (reasons, notes []string) {
	reasons, notes = g.health.report()
	return reasons, append(notes, g.gaps()...)
}

// runInfo tells scripts that everything before it has been started: its listeners take connections.
func (g *gateway) runInfo(ctx context.Context) error {
	if err := g.writeInfo(); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// watch registers the numbers that are read when somebody looks.
func (g *gateway) watch() {
	g.metrics.Gauge("heed_suppression_keys", "Keys in the filter, lifted ones until its next rebuild included.", func() float64 { return float64(g.list.Stats().Keys) })
	g.metrics.Gauge("heed_suppression_filter_bytes", "Memory of the filter.", func() float64 { return float64(g.list.Stats().FilterBytes) })
	g.metrics.Gauge("heed_suppression_disk_bytes", "Disk space of the list.", func() float64 { return float64(g.list.Stats().DiskBytes) })
	g.metrics.Gauge("heed_suppression_position", "Position of the latest change.", func() float64 { return float64(g.list.Stats().Position) })
	for _, lane := range []string{"email", "sms"} {
		for _, s := range []queue.State{queue.Queued, queue.Retrying} {
			g.metrics.Gauge(fmt.Sprintf("heed_queue_%s_%s_messages", lane, s), "Messages in this state on this lane.",
				func() float64 { return float64(g.queue.Depth()[lane][s]) })
		}
	}
}
