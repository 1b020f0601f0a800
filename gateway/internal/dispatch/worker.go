package dispatch

import (
	"context"
	"errors"
	"time"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/queue"
	"heed/senders"
	"heed/suppression"
	"heed/suppression/policy"
)

// worker hands off one message at a time on its lane. Its memory serves one message after the other.
type worker struct {
	d       *Dispatcher
	lane    Lane
	pause   *pause // shared by the lane's workers
	chunk   int    // recipients to lease next
	segment batch.Segment
	one     [1]queue.Result
	vars    map[string]string
	buf     []byte
	signed  []byte
	id      []byte

	// Of the message at hand, for Begin, which may run on a goroutine of the sender's while Send does.
	leasing context.Context
	plan    *plan
	expires time.Time // zero: never
	keys    []suppression.Key
	begun   bool // its transaction has begun
	message senders.Message
	judge   func([]suppression.Row) error // made once, since a method value allocates
}

func newWorker(d *Dispatcher, lane Lane, p *pause) *worker {
	w := &worker{d: d, lane: lane, pause: p, chunk: 1, vars: map[string]string{}}
	w.message.Begin = w.begin
	w.judge = w.verdict
	return w
}

// run leases and hands off until leasing ends. Hand-offs that have begun live as long as handing.
func (w *worker) run(leasing, handing context.Context) error {
	w.leasing = leasing
	for {
		if err := w.pause.wait(leasing); err != nil {
			return nil
		}
		l, err := w.d.o.Queue.Lease(leasing, w.lane.Name, w.chunk)
		if err != nil {
			if ended(leasing, err) {
				return nil
			}
			return err
		}
		if err := w.work(handing, l); err != nil {
			return err
		}
	}
}

// work brings each item of a lease to a result, or gives it back.
func (w *worker) work(handing context.Context, l *queue.Lease) error {
	switch {
	case l.Cancelled:
		return w.recordAll(l, queue.Result{State: queue.Cancelled, Code: "cancelled"})
	case expired(l.Expires, w.d.o.Now()):
		return w.recordAll(l, queue.Result{State: queue.Expired, Code: "expired"})
	}
	if err := w.open(l); err != nil {
		return w.unreadable(l, err)
	}
	for i, item := range l.Items {
		if w.leasing.Err() != nil || w.pause.on() {
			w.d.o.Queue.Release(l, l.Items[i:]...)
			return nil
		}
		out := w.attempt(handing, l, item)
		w.settle(out)
		if out.giveBack {
			w.d.o.Queue.Release(l, l.Items[i:]...)
			return nil
		}
		w.learn(handing, out)
		w.one[0] = out.result
		if err := w.record(l, w.plan.query.Class, w.one[:]); err != nil {
			// The item itself stays in hand: it may have been sent, so nobody is to lease it again before a restart.
			w.d.o.Queue.Release(l, l.Items[i+1:]...)
			return err
		}
		if w.chunk = nextChunk(w.chunk, w.lane.Chunk, out.took); w.chunk == 1 {
			w.d.o.Queue.Release(l, l.Items[i+1:]...)
			return nil
		}
	}
	return nil
}

// quick is the longest that a hand-off may take for its worker to keep further messages in hand behind it.
const quick = 250 * time.Millisecond

// nextChunk grows a worker's leases while hand-offs are quick. Behind a slow one nothing waits: others of the lane may be free for it.
func nextChunk(chunk, most int, took time.Duration) int {
	if took > quick {
		return 1
	}
	return min(2*chunk, most)
}

func expired(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }

// open makes ready what the messages of a lease have in common.
func (w *worker) open(l *queue.Lease) (err error) {
	if w.plan, err = w.d.planFor(l.Batch, w.lane.Channel); err != nil {
		return err
	}
	if err := w.segment.Open(l.Payload); err != nil {
		return err
	}
	if n := len(l.Items); n > 0 && l.Items[n-1].Index >= w.segment.Len() {
		return batch.ErrDamaged // fewer recipients than the queue counts
	}
	return nil
}

// attempt brings one item to an outcome.
func (w *worker) attempt(handing context.Context, l *queue.Lease, item queue.Item) outcome {
	t := try{item: item, expires: l.Expires, channel: w.lane.Channel, now: w.d.o.Now()}
	t.result, t.err = w.handOff(handing, l, item)
	t.begun, t.cut = w.begun, handing.Err() != nil
	out := w.d.outcomeOf(t)
	out.took = w.d.o.Now().Sub(t.now)
	return out
}

// settle lets the lane feel what an outcome says about its route.
func (w *worker) settle(out outcome) {
	switch {
	case out.pause > 0:
		w.pause.back(out.pause, w.d.o.Rand())
	case out.answered:
		w.pause.clear()
	}
	if out.err != nil {
		w.d.o.Trouble(w.lane.Name, out.err)
	}
}

// learn writes down what an answer taught about the address. A row that could not be written is no loss of an opt-out: the provider
// will refuse again.
func (w *worker) learn(ctx context.Context, out outcome) {
	if out.row == 0 {
		return
	}
	row := suppression.Row{Reason: out.row, Class: w.plan.query.Class, At: w.d.o.Now(), Source: suppression.ByProvider}
	if _, err := w.d.o.List.Apply(ctx, suppression.Change{Key: w.keys[0], Op: suppression.Add, Row: row}); err != nil {
		w.d.o.Trouble(w.lane.Name, err)
	}
}

// record hands in results. It heeds no context: a message that was sent and not recorded would be sent again (P3).
func (w *worker) record(l *queue.Lease, c policy.Class, results []queue.Result) error {
	if err := w.d.o.Queue.Record(context.Background(), l, results...); err != nil {
		return err
	}
	for i := range results {
		w.d.o.Outcome(w.lane.Name, c, results[i].State, results[i].Code)
	}
	return nil
}

// recordAll ends a lease of which nothing is to be sent.
func (w *worker) recordAll(l *queue.Lease, r queue.Result) error {
	var c policy.Class
	if p, err := w.d.planFor(l.Batch, w.lane.Channel); err == nil {
		c = p.query.Class
	}
	results := make([]queue.Result, len(l.Items))
	for i, item := range l.Items {
		results[i] = r
		results[i].Index = item.Index
	}
	err := w.record(l, c, results)
	if err != nil {
		w.d.o.Queue.Release(l, l.Items...)
	}
	return err
}

// unreadable ends a lease that cannot be made into messages: for good if that lies in what was accepted. Anything else (the
// store's failure, the format of a newer version) ends the dispatcher, and loses nothing.
func (w *worker) unreadable(l *queue.Lease, cause error) error {
	var bad spoiled
	switch {
	case errors.As(cause, &bad):
		w.d.o.Trouble(w.lane.Name, cause)
		return w.recordAll(l, queue.Result{State: queue.Failed, Code: "content", Detail: bad.Error()})
	case errors.Is(cause, batch.ErrDamaged), errors.Is(cause, queue.ErrNotFound):
		w.d.o.Trouble(w.lane.Name, cause)
		return w.recordAll(l, queue.Result{State: queue.Failed, Code: "unreadable"})
	}
	w.d.o.Queue.Release(l, l.Items...)
	return cause
}
