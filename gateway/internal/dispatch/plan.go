package dispatch

import (
	"fmt"
	"strings"
	"time"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/message"
	"heed/gateway/internal/queue"
	"heed/suppression/policy"
)

// plan is what all messages of a batch on a channel have in common: compiled once, shared by the workers.
type plan struct {
	query    policy.Query // but for its time
	created  time.Time
	template *message.Template
	from     string          // envelope sender, or the sending number
	signer   *message.Signer // nil: unsigned
	domain   string          // right-hand side of Message-IDs
}

// planFor returns the plan of a batch on a channel, making it when it is not at hand. Errors: spoiled, if what was accepted cannot be sent;
// the queue's and batch's.
func (d *Dispatcher) planFor(id queue.ID, c policy.Channel) (*plan, error) {
	k := planKey{id, c}
	if p := d.plans.get(k); p != nil {
		return p, nil
	}
	info, err := d.o.Queue.Batch(id)
	if err != nil {
		return nil, fmt.Errorf("read batch: %w", err)
	}
	head, err := batch.DecodeHead(info.Head)
	if err != nil {
		return nil, fmt.Errorf("read batch %s: %w", batch.ID(id), err)
	}
	p, err := d.newPlan(head, c)
	if err != nil {
		return nil, spoiled{fmt.Errorf("compile batch %s: %w", batch.ID(id), err)}
	}
	d.plans.put(k, p, len(info.Head))
	return p, nil
}

func (d *Dispatcher) newPlan(h *batch.Head, c policy.Channel) (*plan, error) {
	p := &plan{created: h.Created, query: policy.Query{Channel: c, Class: h.Class, Topic: h.Topic, Closing: h.Closing}}
	// The list is asked for rows, and an address without any is let go: what the policy cannot judge must be stopped here (P5).
	if v := d.o.Policy.Decide(p.query, nil); v.Action != policy.Allow {
		return nil, &withheld{v}
	}
	content := message.ContentOf(h, c)
	if h.Channel != c { // rerouted: the batch names no sender for this channel
		content.From = d.o.From(h.Tenant, c)
	}
	return p, d.compile(p, content)
}

func (d *Dispatcher) compile(p *plan, content message.Content) (err error) {
	if p.query.Channel == policy.SMS {
		p.from = content.From
		p.template, err = message.CompileSMS(content)
		return err
	}
	if p.template, err = message.CompileEmail(content); err != nil {
		return err
	}
	p.from = p.template.Sender()
	p.domain = p.from[strings.LastIndexByte(p.from, '@')+1:]
	p.signer = d.o.Sign(p.domain)
	return nil
}
