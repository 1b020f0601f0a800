package intake

import (
	"context"
	"math"
	"net/http"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/batchjson"
	"heed/gateway/internal/queue"
	"heed/suppression"
	"heed/suppression/policy"
)

// job is a batch on its way in. Its memory serves one batch after the other. For one goroutine.
type job struct {
	in    *Intake
	ctx   context.Context
	call  Call
	plan  *plan
	id    batch.ID
	count uint32 // recipients taken so far
	tally [statuses]uint32
	seen  recent

	// Of the chunk at hand; index i is recipient i of it.
	decisions []decision
	canonical []byte // arena: addresses in E.164 outlive the loop
	keys      []suppression.Key
	owners    []uint32 // owners[k] is the recipient that keys[k] belongs to; ascending
	hit       []bool
	rows      []suppression.Row
	facts     []policy.Row

	results
	packing
}

// begin starts a batch; release ends it, whatever happened.
func (in *Intake) begin(ctx context.Context, c Call, s *batchjson.Shared) (*job, error) {
	p, err := in.plan(c, s)
	if err != nil {
		return nil, err
	}
	j := in.jobs.Get().(*job)
	j.in, j.ctx, j.call, j.plan = in, ctx, c, p
	j.id = batch.NewID(p.head.Created, in.o.Random())
	return j, nil
}

// maxKept bounds the memory that a job keeps between batches: what a great stream grew is given back.
const maxKept = 1 << 16

func (in *Intake) release(j *job) {
	old := *j
	*j = job{
		decisions: old.decisions[:0], canonical: old.canonical[:0], keys: old.keys[:0], owners: old.owners[:0], hit: old.hit[:0],
		rows: old.rows[:0], facts: old.facts[:0], results: old.results.reset(), packing: old.packing.reset(),
	}
	if len(old.seen.young.slots) <= maxKept {
		j.seen.young.slots = old.seen.young.slots[:0]
	}
	clear(old.decisions[:cap(old.decisions)]) // they point into the caller's body
	in.jobs.Put(j)
}

// take decides about a chunk of at most segmentRecipients and notes and packs the result. chunk may be reused afterwards.
func (j *job) take(chunk []batchjson.Recipient) error {
	if uint64(j.count)+uint64(len(chunk)) > math.MaxUint32 {
		return refuse("", "too_many", "a batch holds fewer than 4,294,967,296 recipients: start another")
	}
	if err := j.screen(chunk); err != nil {
		return err
	}
	j.note(chunk)
	j.pack(chunk)
	j.count += uint32(len(chunk))
	return nil
}

// verify refuses a batch as a whole, once all of it is known.
func (j *job) verify() error {
	switch {
	case j.count == 0:
		return refuse("/recipients", "missing", "name at least one recipient")
	case !j.call.Strict || j.tally[invalid]+j.tally[duplicate] == 0:
		return nil
	}
	f := refuse("", "invalid_recipients", "with validation=strict every recipient must be valid and named once; nothing was queued")
	f.Errors = append(f.Errors, j.items...)
	return f
}

// commit stores the batch with its idempotency record in one write, and makes the answer of body.
func (j *job) commit(body []byte, store func(records []queue.Record) error) (*Answer, error) {
	if j.call.DryRun {
		return &Answer{Status: http.StatusOK, Body: body}, nil
	}
	a := &Answer{Status: http.StatusAccepted, Body: body}
	if err := store(j.call.record(a, j.plan.head.Created)); err != nil {
		return nil, queueDown(err)
	}
	return a, nil
}

// enqueue hands the whole batch to the queue.
func (j *job) enqueue(records []queue.Record) error {
	h := &j.plan.head
	h.Count = j.count
	return j.in.o.Queue.Append(queue.Batch{
		ID: j.id, Tenant: h.Tenant, Head: h.Encode(), Created: h.Created, Segments: j.segments, Records: records,
	})
}
