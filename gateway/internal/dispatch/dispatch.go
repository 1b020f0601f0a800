// Package dispatch takes accepted recipients from the queue to the providers.
//
// The way of one message: lease, render, sign, take a connection, ask the list and the policy again right before the first byte,
// hand off, record what became of it. The decisions (may it go, when is the next try, what does an error mean, how long does a lane rest)
// are in verdict.go, retry.go, outcome.go and pause.go, without effects; the effects are in run.go, worker.go and handoff.go.
//
// It promises:
//   - No hand-off begins without a check that was made with the connection in hand, and an opt-out that is answered meanwhile
//     waits for it (P1; suppression.List.Admit).
//   - Each leased recipient is recorded or given back, whatever its sender answers (P2).
//   - What was handed off and could not be recorded stays in hand until the process ends; nothing more begins then (P3). The same recipient
//     gives the same bytes each time: Message-ID, date, boundary, links and signature follow from the batch.
//   - While the list cannot answer, nothing is sent and nothing is lost (P5). A message that the policy would let go by another channel only is
//     recorded as undeliverable, with the rule that says so (P4).
//
// It does not pace by destination, and knows one route per lane: a list that cannot read the rows of one address holds up the lane, as
// one that cannot answer at all. What is in hand when a batch is paused or cancelled (at most a chunk a worker) still goes out. A deferral by the policy
// counts as a try, since the queue counts so.
//
// Run is called once; everything else is safe for concurrent use. Sources: README, P1 to P5; RFC 1047 for answers that never came.
package dispatch

import (
	"context"
	"time"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/message"
	"heed/gateway/internal/queue"
	"heed/senders"
	"heed/suppression"
	"heed/suppression/policy"
)

// leaser is the part of queue.Queue that dispatch needs.
type leaser interface {
	Lease(ctx context.Context, lane string, max int) (*queue.Lease, error)
	Release(l *queue.Lease, items ...queue.Item)
	Record(ctx context.Context, l *queue.Lease, results ...queue.Result) error
	Batch(id queue.ID) (queue.Info, error)
}

// list is the part of suppression.List that dispatch needs.
type list interface {
	Admit(keys []suppression.Key, decide func([]suppression.Row) error) (*suppression.Handoff, error)
	Apply(ctx context.Context, changes ...suppression.Change) (uint64, error)
}

// Lane is a way out and how hard it is used.
type Lane struct {
	Name    string // the queue's lane, "email" or "sms"
	Channel policy.Channel
	Sender  senders.Sender
	Workers int // hand-offs at the same time
	Chunk   int // recipients leased at a time, at most: fewer at first and when hand-offs are slow
}

// Options of New. All but Outcome and Trouble are required.
type Options struct {
	Queue  leaser
	List   list
	Policy *policy.Table
	Lanes  []Lane
	Find   func(tenant string, c policy.Channel, to []byte) (Address, error)
	Links  func(t Target) Links
	Sign   func(domain string) *message.Signer // nil result: the domain has no keys, the mail goes unsigned
	From   func(tenant string, c policy.Channel) string
	// Learn says which row a permanent refusal with this code asks for, or 0.
	Learn func(c policy.Channel, code string) policy.Reason
	Retry Retry
	// Grace is how long hand-offs under way may go on after Run's context has ended, or after a failure that ends it.
	Grace time.Duration
	Now   func() time.Time
	// Rand gives numbers in [0, 1) for jitter.
	Rand func() float64
	// Outcome is told of each recorded result; Trouble of faults of routes and of the gateway itself. Neither may block.
	Outcome func(lane string, class policy.Class, s queue.State, code string)
	Trouble func(lane string, err error)
}

// Address is a recipient as the list and as the wire know it.
type Address struct {
	Keys []suppression.Key // exact, then family if there is one
	To   string            // email: as the caller gave it; SMS: E.164
}

// Target names a message whose recipient needs links.
type Target struct {
	Tenant  string
	Channel policy.Channel
	Class   policy.Class
	Topic   string
	Batch   batch.ID
	Index   uint32
	Keys    []suppression.Key // exact, then family if there is one
	Day     uint32            // days since 1970-01-01 UTC on which the batch was accepted: a retry carries the same links
}

// Links are the ways out that a message carries.
type Links struct {
	OneClick string // https, acts on POST (RFC 8058)
	Page     string // https, for bodies
	Mailbox  string // for mailto:
}

// Dispatcher moves messages from the queue to the lanes' senders.
type Dispatcher struct {
	o     Options
	plans plans
}

// New makes a dispatcher. It starts nothing.
func New(o Options) *Dispatcher {
	if o.Outcome == nil {
		o.Outcome = func(string, policy.Class, queue.State, string) {}
	}
	if o.Trouble == nil {
		o.Trouble = func(string, error) {}
	}
	return &Dispatcher{o: o, plans: plans{byKey: map[planKey]*plan{}}}
}
