package queue

import (
	"context"
	"fmt"
	"time"

	"heed/gateway/internal/queue/live"
)

// Result is what became of one item.
type Result struct {
	Index      int
	State      State  // Sent, Suppressed, Failed, Expired, Cancelled; or Retrying with RetryAt
	Code       string // texts longer than 1,024 bytes are cut
	Detail     string
	ProviderID string
	RetryAt    time.Time
}

// Record hands in results of a lease. They are durable within ResultDelay and a synced write, if Run is running; while Options.MaxUnsynced
// results or more are not yet durable it waits, so that a slow disk slows those who send instead of letting what a crash would repeat
// grow. Memory: at most 3 KiB a result that is not durable. Sent, Failed and Retrying count as tries. A try that ends in Retrying comes
// back as a lease at RetryAt, or when it expires or its batch is cancelled.
// Errors: ErrMisuse for a result of an item that the lease does not hold, or in a state that is no result; ctx's, if it ended while Record
// waited: then nothing of the call was taken; ErrClosed; the store's failure: then nothing more may be sent, since results could not be kept.
func (q *Queue) Record(ctx context.Context, l *Lease, results ...Result) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.awaitRoom(ctx); err != nil {
		return err
	}
	if err := l.surrender(results); err != nil {
		return err
	}
	q.enforce(l.segment, results)
	return nil
}

// awaitRoom waits while too many results are not durable. Who need not wait goes on even if ctx has ended: what was sent is to be known.
// Requires: mu is held.
func (q *Queue) awaitRoom(ctx context.Context) error {
	room := func() bool { return q.mu.unsynced < q.o.MaxUnsynced }
	if err := q.ended(); err != nil || room() {
		return err
	}
	return q.until(ctx, q.mu.room, room)
}

// surrender takes the items of results out of the lease: all, or none with an error. Requires: mu is held.
func (l *Lease) surrender(results []Result) error {
	for i := range results {
		at, ok := l.find(results[i].Index)
		err := checkResult(&results[i])
		if !ok {
			err = fmt.Errorf("%w: item %d of segment %d is not in hand", ErrMisuse, results[i].Index, l.Segment)
		}
		if err != nil {
			l.regain(results[:i])
			return err
		}
		l.held[at] = false
	}
	return nil
}

func (l *Lease) regain(results []Result) {
	for i := range results {
		for at := range l.Items {
			if l.Items[at].Index == results[i].Index {
				l.held[at] = true
			}
		}
	}
}

func checkResult(r *Result) error {
	switch r.State {
	case Sent, Suppressed, Failed, Expired, Cancelled:
		return nil
	case Retrying:
		if !r.RetryAt.IsZero() {
			return nil
		}
	}
	return fmt.Errorf("%w: state %d is no result, or it lacks RetryAt", ErrMisuse, r.State)
}

// enforce puts results in force and asks Run to write them. Requires: mu is held.
func (q *Queue) enforce(s *live.Segment, results []Result) {
	if len(results) == 0 {
		return
	}
	if !s.Pending() {
		q.mu.dirty = append(q.mu.dirty, s)
	}
	at, lane := q.o.Now(), q.lane(s.Lane)
	for i := range results {
		r := &results[i]
		old := s.Settle(r.Index, Event{At: at, State: r.State, Code: r.Code, Detail: r.Detail, ProviderID: r.ProviderID, RetryAt: r.RetryAt})
		lane.counts[old]--
		lane.counts[r.State]++
	}
	q.file(s, at.UnixMilli())
	q.mu.unsynced += len(results)
	notify(q.first)
	if q.mu.unsynced >= q.o.MaxUnsynced/2 { // early, so that nobody has to wait on a disk that keeps up
		notify(q.urgent)
	}
}

// Flush waits until every result handed in so far is durable. It writes them itself, so it needs no Run. Errors: ctx's, the store's failure.
func (q *Queue) Flush(ctx context.Context) error {
	if err := q.enterWrite(); err != nil {
		return err
	}
	defer q.exit()
	return q.flush(ctx)
}
