// Package intake takes batches in: normalises and keys each recipient, asks the list and the policy, answers per recipient, and queues
// what was accepted in one synced write.
//
// It promises that a 202 means stable storage (P2), that each recipient has exactly one result, and that nothing is queued when the list
// cannot answer (P5) or the call is refused. Every recipient of a queued batch is stored, also one that was not accepted, with its
// final state and the reason, so that "why was this not sent?" has an answer. It does not render, and it does not judge for the
// last time: dispatch asks again right before the hand-off.
//
// The way of a call: plan (plan.go, content.go: what all recipients share), screen (screen.go: each recipient's decision, by the pure rules of
// verdict.go), note (answer.go: what the caller is told), pack (segments.go: what the queue is given).
//
// An Intake is safe for concurrent use; a Stream is for one goroutine. Sources: RFC 8058 §3.1,
// draft-ietf-httpapi-idempotency-key-header-07, docs/policy.md.
package intake

import (
	"cmp"
	"context"
	"sync"
	"time"

	"heed/gateway/internal/batchjson"
	"heed/gateway/internal/catalog"
	"heed/gateway/internal/keys"
	"heed/gateway/internal/queue"
	"heed/suppression"
	"heed/suppression/address"
	"heed/suppression/policy"
)

// list is the part of suppression.List that intake needs.
type list interface {
	CheckBatch(ctx context.Context, keys []suppression.Key, hit []bool) error
	Rows(dst []suppression.Row, key suppression.Key) ([]suppression.Row, error)
}

// store is the part of queue.Queue that intake needs. It keeps nothing of what it was given once a call has returned.
type store interface {
	Append(b queue.Batch) error
	Stage(b queue.Batch) (*queue.Stage, error)
	Get(space, key string) ([]byte, error)
}

// declared is the part of catalog.Catalog that intake needs.
type declared interface {
	Topic(tenant, id string) (catalog.Topic, error)
	PutTopic(tenant string, t catalog.Topic) (catalog.Topic, error)
	Template(tenant, id string, version int) (catalog.Template, error)
}

// Options of New. List, Policy, Queue, Catalog, Keyers, Now and Random are required.
type Options struct {
	List    list
	Policy  *policy.Table
	Queue   store
	Catalog declared
	// Keyers gives a tenant's keyers.
	Keyers func(tenant string) (email, sms address.Keyer)
	// Region is the country (ISO 3166-1 alpha-2) of a tenant's phone numbers in national form; nil or "": they are invalid.
	Region func(tenant string) string
	// From is a tenant's sender for calls that name none and for messages that are rerouted; nil or "": none.
	From func(tenant string, c policy.Channel) string
	// Senders says whether a tenant may send as from; the error's text is shown to the caller. nil: any sender.
	Senders func(tenant string, c policy.Channel, from string) error
	// AutoTopics creates a topic that a call names first, instead of refusing the call.
	AutoTopics bool
	// NoLinks says that the gateway has no public address: links would lead nowhere, so marketing mail is refused.
	NoLinks bool
	// RequireTemplate lets the classes service and mandatory send approved templates only (docs/policy.md). Off is for development.
	RequireTemplate bool

	// MarketingLife and OtherLife are how long a message is worth sending when the call does not say; 0: 24 hours, and 4 days.
	MarketingLife, OtherLife time.Duration

	Now    func() time.Time
	Random func() [10]byte // for batch ids (RFC 9562 §6.9)
}

// Intake takes batches in.
type Intake struct {
	o       Options
	stage   func(queue.Batch) (stage, error)
	compile compiler
	jobs    sync.Pool // of *job
	running running
}

// New makes an intake. It starts nothing.
func New(o Options) *Intake {
	o.setDefaults()
	in := &Intake{o: o, compile: compile, running: running{keys: map[string]bool{}}}
	in.stage = func(b queue.Batch) (stage, error) { return o.Queue.Stage(b) }
	in.jobs.New = func() any { return new(job) }
	return in
}

func (o *Options) setDefaults() {
	o.MarketingLife = cmp.Or(o.MarketingLife, 24*time.Hour)
	o.OtherLife = cmp.Or(o.OtherLife, 4*24*time.Hour)
	if o.Region == nil {
		o.Region = func(string) string { return "" }
	}
	if o.From == nil {
		o.From = func(string, policy.Channel) string { return "" }
	}
	if o.Senders == nil {
		o.Senders = func(string, policy.Channel, string) error { return nil }
	}
}

// Call is how a batch was handed in.
type Call struct {
	Principal keys.Principal
	DryRun    bool
	Strict    bool   // validation=strict: any recipient that is not accepted (suppressed excepted) refuses the whole call
	Results   string // "" (what was not accepted), "all", "none"
	// Idempotency is nil without an Idempotency-Key.
	Idempotency *Idempotency
}

// Answer is the body of the 202 (200 for a dry run), already encoded.
type Answer struct {
	Status int
	Body   []byte
	Replay bool // the recorded answer of an earlier call
}

// Accept takes a whole batch; r may be reused afterwards. Errors are *Fault; after one nothing is queued.
// Cost: no allocation per recipient but for what the answer lists.
func (in *Intake) Accept(ctx context.Context, c Call, s *batchjson.Shared, r []batchjson.Recipient) (*Answer, error) {
	j, err := in.begin(ctx, c, s)
	if err != nil {
		return nil, err
	}
	defer in.release(j)
	j.seen.reset(len(r), generation)
	for len(r) > 0 {
		n := min(len(r), segmentRecipients)
		if err := j.take(r[:n]); err != nil {
			return nil, err
		}
		r = r[n:]
	}
	if err := j.verify(); err != nil {
		return nil, err
	}
	return j.commit(j.appendAnswer(nil), j.enqueue)
}

// AcceptOne takes POST /v1/messages. The answer is {"id":"msg_…","batch_id":"bat_…","status":"accepted"}, or another status with
// its code and detail; an invalid recipient is a *Fault, since there is nobody else to send to.
func (in *Intake) AcceptOne(ctx context.Context, c Call, s *batchjson.Shared, r batchjson.Recipient) (*Answer, error) {
	c.Results = "none"
	j, err := in.begin(ctx, c, s)
	if err != nil {
		return nil, err
	}
	defer in.release(j)
	j.seen.reset(1, generation)
	if err := j.take([]batchjson.Recipient{r}); err != nil {
		return nil, err
	}
	if d := &j.decisions[0]; d.status == invalid {
		return nil, refuse(d.why.member, d.why.code, d.why.detail)
	}
	return j.commit(j.appendSingle(nil), j.enqueue)
}
