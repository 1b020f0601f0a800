package queue

import (
	"context"
	"fmt"
	"time"
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

const (
	flushBytes = 1 << 20 // results are written early once so many bytes wait
	fullBytes  = 8 << 20 // and Record waits at so many
)

// Record hands in results of a lease. It waits only while the buffer of 8 MiB is full; they are durable within ResultDelay and a synced
// write, if Run is running. Sent, Failed and Retrying count as tries. A try that ends in Retrying comes back as a lease at RetryAt, or
// when it expires or its batch is cancelled.
// Errors: ErrMisuse for a result of an item that the lease does not hold, or in a state that is no result: then nothing of the call was
// taken; ctx's; the store's failure: then nothing more may be sent, since results could not be kept.
func (q *Queue) Record(ctx context.Context, l *Lease, results ...Result) error {
	if err := q.enterWrite(); err != nil {
		return err
	}
	defer q.exit()
	for q.backlog() >= fullBytes {
		if err := q.flush(ctx); err != nil {
			return err
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := l.surrender(results); err != nil {
		return err
	}
	q.enforce(l.segment, results)
	return nil
}

func (q *Queue) backlog() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.mu.waiting
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

// enforce puts results in force and their events in the segment's buffer. Requires: mu is held.
func (q *Queue) enforce(s *segment, results []Result) {
	at, before := q.o.Now(), len(s.pending)
	if before == 0 && len(results) > 0 {
		q.mu.dirty = append(q.mu.dirty, s)
		s.pending = append(s.pending, format)
	}
	counts := q.lane(s.Lane).counts
	for i := range results {
		r := &results[i]
		old, tries := s.settle(r)
		s.batch.counts[old]--
		s.batch.counts[r.State]++
		counts[old]--
		counts[r.State]++
		s.pending = appendEvent(s.pending, r.Index, &Event{At: at, State: r.State, Attempt: tries, Code: r.Code, Detail: r.Detail,
			ProviderID: r.ProviderID, RetryAt: r.RetryAt})
	}
	q.lane(s.Lane).counts = counts
	q.mu.waiting += len(s.pending) - before
	q.file(s, at.UnixMilli())
	notify(q.first)
	if q.mu.waiting >= flushBytes {
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
