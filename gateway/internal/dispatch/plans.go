package dispatch

import (
	"sync"

	"heed/gateway/internal/queue"
	"heed/suppression/policy"
)

type planKey struct {
	batch   queue.ID
	channel policy.Channel
}

// plans keeps the plans of the batches at hand, oldest out first. It is asked once a lease, so that its lock is none of the hot path's.
type plans struct {
	mu    sync.Mutex
	byKey map[planKey]*plan
	order []planKey
	sizes []int // of the heads they were made from, in the same order
	bytes int   // their sum
}

const (
	maxPlans     = 512
	maxPlanBytes = 64 << 20 // a plan holds a small multiple of its head
)

func (p *plans) get(k planKey) *plan {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byKey[k]
}

// put keeps a plan that was made from a head of so many bytes.
func (p *plans) put(k planKey, v *plan, size int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.byKey[k]; known {
		return
	}
	for len(p.order) > 0 && (len(p.order) == maxPlans || p.bytes+size > maxPlanBytes) {
		delete(p.byKey, p.order[0])
		p.bytes -= p.sizes[0]
		p.order, p.sizes = p.order[1:], p.sizes[1:]
	}
	p.byKey[k] = v
	p.order, p.sizes, p.bytes = append(p.order, k), append(p.sizes, size), p.bytes+size
}
