package queue

import (
	"context"
	"math"
	"sync"
	"time"
)

// Run writes results in groups, wakes what has become due and drops what is past retention, until ctx ends; then it writes the results still
// waiting and returns nil. It returns early, with the failure, when the store has failed.
func (q *Queue) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	var once sync.Once
	var failure error
	for _, work := range []func(context.Context) error{q.writeResults, q.wakeDue, q.sweep} {
		all.Go(func() {
			if err := work(ctx); err != nil {
				once.Do(func() { failure = err })
				cancel()
			}
		})
	}
	all.Wait()
	if failure != nil {
		return failure
	}
	return q.Flush(context.WithoutCancel(ctx))
}

// writeResults flushes ResultDelay after the first result, or earlier if many wait.
func (q *Queue) writeResults(ctx context.Context) error {
	for {
		select {
		case <-q.first:
		case <-ctx.Done():
			return nil
		}
		delay := time.NewTimer(q.o.ResultDelay)
		select {
		case <-delay.C:
		case <-q.urgent:
		case <-ctx.Done():
		}
		delay.Stop()
		if err := q.Flush(context.WithoutCancel(ctx)); err != nil {
			return err
		}
	}
}

// wakeDue sleeps until the next entry is due and wakes those who wait for it.
func (q *Queue) wakeDue(ctx context.Context) error {
	for {
		timer := time.NewTimer(q.nextAlarm())
		select {
		case <-timer.C:
		case <-q.sooner:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		timer.Stop()
	}
}

// nextAlarm makes ready what is due and returns how long to sleep: never longer than a minute, so that a clock that was set is noticed.
func (q *Queue) nextAlarm() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	q.advance(now)
	when, ok := q.mu.index.Wake()
	if !ok {
		when = math.MaxInt64
	}
	q.mu.alarm = when
	return time.Duration(min(max(when-now, 1), time.Minute.Milliseconds())) * time.Millisecond
}
