package smtprelay

import (
	"context"
	"fmt"

	"heed/senders"
)

// Relay is a Sender to one SMTP relay.
type Relay struct {
	opt  Options
	pool *pool
}

var _ senders.Sender = (*Relay)(nil)

// New checks the options, all faults at once. It dials nothing.
func New(o Options) (*Relay, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("SMTP relay: %w", err)
	}
	o.TLSConfig = o.tlsConfig()
	return &Relay{opt: o, pool: newPool(o.MaxConns, o.IdleTimeout)}, nil
}

// Send hands m to the relay. With all connections in use it waits for one until ctx ends. Cost: four round trips on a kept
// connection; the body is not copied.
func (r *Relay) Send(ctx context.Context, m *senders.Message) (senders.Result, error) {
	e, err := newEnvelope(m)
	if err != nil {
		return senders.Result{}, err
	}
	if err := r.pool.acquire(ctx); err != nil {
		return senders.Result{}, &senders.Error{Class: senders.Unavailable, Code: "4.4.5", Detail: "no free connection in time", Err: err}
	}
	defer r.pool.release()
	if r.pool.isClosed() {
		return senders.Result{}, &senders.Error{Class: senders.Unavailable, Code: "4.3.2", Detail: "the sender is closed"}
	}
	if c := r.pool.take(); c != nil {
		result, stale, err := r.use(ctx, c, e)
		if !stale || ctx.Err() != nil {
			return result, err
		}
	}
	c, err := connect(ctx, &r.opt)
	if err != nil {
		return senders.Result{}, err
	}
	result, _, err := r.use(ctx, c, e)
	return result, err
}

// use delivers over c and gives c up, so what is to be known of it is asked before.
func (r *Relay) use(ctx context.Context, c *conn, e *envelope) (result senders.Result, stale bool, err error) {
	result, err = c.deliver(ctx, e)
	stale = c.stale()
	r.pool.put(c, c.sent >= r.opt.MaxPerConn)
	return result, stale, err
}

// Close says QUIT on all connections at rest and waits for it, at most 5 s. A Send after Close is Unavailable.
func (r *Relay) Close() error {
	r.pool.close()
	return nil
}
