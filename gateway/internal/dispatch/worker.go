package dispatch

import (
	"context"
	"errors"
	"sync"
	"time"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/queue"
	"heed/suppression"
)

// worker hands off one message at a time on its lane.
type worker struct {
	d       *Dispatcher
	lane    Lane
	pause   *pause
	segment batch.Segment
	keys    []suppression.Key // of the message at hand
	begun   bool              // its transaction has begun
	vars    map[string]string
	buf     []byte
	signed  []byte
}

// run leases and hands off until leasing ends. Hand-offs themselves live as long as handing.
func (w *worker) run(leasing, handing context.Context) error {
	for {
		if err := w.pause.wait(leasing); err != nil {
			return nil
		}
		l, err := w.d.o.Queue.Lease(leasing, w.lane.Name, w.lane.Chunk)
		if err != nil {
			if ended(leasing, err) {
				return nil
			}
			return err
		}
		if err := w.work(leasing, handing, l); err != nil {
			return err
		}
	}
}

// work brings each item of a lease to a result, or gives it back.
func (w *worker) work(leasing, handing context.Context, l *queue.Lease) error {
	p, err := w.open(l)
	if err != nil {
		return w.recordAll(handing, l, queue.Failed, "unreadable", err)
	}
	for i, item := range l.Items {
		if leasing.Err() != nil || w.pause.on() {
			w.d.o.Queue.Release(l, l.Items[i:]...)
			return nil
		}
		out := w.one(handing, l, p, item)
		if out.giveBack {
			w.d.o.Queue.Release(l, l.Items[i:]...)
			w.pause.back(out.pause, w.d.o.Rand())
			w.d.o.Trouble(w.lane.Name, out.err)
			return nil
		}
		w.settle(out)
		w.learn(handing, p, out)
		if err := w.record(handing, l, p, out.result); err != nil {
			w.d.o.Queue.Release(l, l.Items[i+1:]...)
			return err
		}
	}
	return nil
}

// learn writes down what an answer taught about the address. A row that could not be written is no loss of an opt-out: the provider
// will refuse again.
func (w *worker) learn(ctx context.Context, p *plan, out outcome) {
	if out.row == 0 {
		return
	}
	row := suppression.Row{Reason: out.row, Class: p.head.Class, At: w.d.o.Now(), Source: suppression.ByProvider}
	if _, err := w.d.o.List.Apply(ctx, suppression.Change{Key: w.keys[0], Op: suppression.Add, Row: row}); err != nil {
		w.d.o.Trouble(w.lane.Name, err)
	}
}

// settle lets the lane feel what an outcome says about it.
func (w *worker) settle(out outcome) {
	if out.pause > 0 {
		w.pause.back(out.pause, w.d.o.Rand())
	} else {
		w.pause.clear()
	}
	if out.err != nil {
		w.d.o.Trouble(w.lane.Name, out.err)
	}
}

func (w *worker) open(l *queue.Lease) (*plan, error) {
	p, err := w.d.planFor(l.Batch, w.lane.Channel)
	if err != nil {
		return nil, err
	}
	return p, w.segment.Open(l.Payload)
}

// one brings one item to an outcome.
func (w *worker) one(ctx context.Context, l *queue.Lease, p *plan, item queue.Item) outcome {
	now := w.d.o.Now()
	switch {
	case l.Cancelled:
		return final(item, queue.Cancelled, "cancelled", "")
	case !l.Expires.IsZero() && !now.Before(l.Expires):
		return final(item, queue.Expired, "expired", "")
	}
	res, err := w.handOff(ctx, l, p, item)
	return w.d.outcomeOf(w.lane, l, item, now, w.begun, res, err)
}

func (w *worker) record(ctx context.Context, l *queue.Lease, p *plan, r queue.Result) error {
	if err := w.d.o.Queue.Record(ctx, l, r); err != nil {
		return err
	}
	w.d.o.Outcome(w.lane.Name, p.head.Class, r.State, r.Code)
	return nil
}

// recordAll ends a lease whose content cannot be read: its messages can never be sent.
func (w *worker) recordAll(ctx context.Context, l *queue.Lease, s queue.State, code string, cause error) error {
	w.d.o.Trouble(w.lane.Name, cause)
	if !errors.Is(cause, batch.ErrDamaged) && !errors.Is(cause, queue.ErrNotFound) {
		s, code = queue.Failed, "content"
	}
	results := make([]queue.Result, len(l.Items))
	for i, item := range l.Items {
		results[i] = queue.Result{Index: item.Index, State: s, Code: code}
	}
	return w.d.o.Queue.Record(ctx, l, results...)
}

// pause is a lane's rest after its route or the list failed: each failure doubles it, a success ends it.
type pause struct {
	now func() time.Time
	mu  sync.Mutex
	end time.Time
	try int
}

const (
	shortestPause = 200 * time.Millisecond
	longestPause  = 30 * time.Second
)

// back begins a pause of at least the given length, longer the more failures came in a row. Workers that fail together
// count as one failure.
func (p *pause) back(least time.Duration, rand float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now().Before(p.end) {
		return
	}
	grown := min(shortestPause<<min(p.try, 10), longestPause)
	grown = time.Duration(float64(grown) * (0.5 + rand/2))
	p.end = p.now().Add(max(grown, least))
	p.try++
}

func (p *pause) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.try = 0
}

func (p *pause) on() bool { return p.left() > 0 }

func (p *pause) left() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.end.Sub(p.now())
}

// wait returns when the pause is over, or with ctx's error.
func (p *pause) wait(ctx context.Context) error {
	for left := p.left(); left > 0; left = p.left() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(left):
		}
	}
	return ctx.Err()
}
