package dispatch

import (
	"fmt"
	"strings"
	"sync"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/message"
	"heed/gateway/internal/queue"
	"heed/suppression/policy"
)

// plan is what all messages of a batch on a channel have in common: compiled once, shared by the workers.
type plan struct {
	head     *batch.Head
	channel  policy.Channel
	template *message.Template
	from     string          // envelope sender, or the sending number
	signer   *message.Signer // nil: unsigned
	domain   string          // right-hand side of Message-IDs
}

type planKey struct {
	batch   queue.ID
	channel policy.Channel
}

// plans keeps the plans of the batches at hand: a bounded cache, oldest out first.
type plans struct {
	mu    sync.Mutex
	byKey map[planKey]*plan
	order []planKey
}

const maxPlans = 512

func (p *plans) get(k planKey) *plan {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byKey[k]
}

func (p *plans) put(k planKey, v *plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.byKey[k]; known {
		return
	}
	if len(p.order) == maxPlans {
		delete(p.byKey, p.order[0])
		p.order = p.order[1:]
	}
	p.byKey[k] = v
	p.order = append(p.order, k)
}

// planFor returns the plan of a batch on a channel, making it when it is not at hand.
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
		return nil, fmt.Errorf("compile batch %s: %w", batch.ID(id), err)
	}
	d.plans.put(k, p)
	return p, nil
}

func (d *Dispatcher) newPlan(h *batch.Head, c policy.Channel) (*plan, error) {
	content := message.ContentOf(h, c)
	if h.Channel != c { // rerouted: the batch names no sender for this channel
		content.From = d.o.From(h.Tenant, c)
	}
	if c == policy.SMS {
		t, err := message.CompileSMS(content)
		return &plan{head: h, channel: c, template: t, from: content.From}, err
	}
	t, err := message.CompileEmail(content)
	if err != nil {
		return nil, err
	}
	sender := t.Sender()
	domain := sender[strings.LastIndexByte(sender, '@')+1:]
	return &plan{head: h, channel: c, template: t, from: sender, signer: d.o.Sign(domain), domain: domain}, nil
}
