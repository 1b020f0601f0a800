package intake

import (
	"time"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/batchjson"
	"heed/gateway/internal/queue"
	"heed/suppression/policy"
)

const (
	segmentRecipients = 1000
	segmentBytes      = 1 << 20 // a segment is cut at the recipient that passes this size
	maxStoredTo       = 320     // bytes kept of an address that is not sent to
)

// packing is what the queue is given. The segments' payloads and states lie in packers and states.
type packing struct {
	segments []queue.Segment
	packers  []batch.Packer
	states   []queue.State
}

func (p packing) reset() packing {
	clear(p.segments)
	return packing{segments: p.segments[:0], packers: p.packers[:0], states: p.states[:0]}
}

// run is a segment in the making: neighbours in the call that travel alike. Recipients who do not travel fit anywhere.
type run struct {
	packer  *batch.Packer
	first   uint32
	from    int // in states
	travels bool
	channel policy.Channel
	until   time.Time
	decided bool // some are in a final state
}

// pack puts the chunk into segments. Usually that is one; each recipient that is rerouted or deferred apart from its neighbours costs
// up to two more, since a segment holds recipients without gaps.
func (j *job) pack(chunk []batchjson.Recipient) {
	if j.call.DryRun {
		return
	}
	r := j.openRun(j.count)
	for i := range chunk {
		d := &j.decisions[i]
		if r.endsBefore(d) {
			j.closeRun(&r)
			r = j.openRun(j.count + uint32(i))
		}
		r.add(d, &chunk[i])
		j.states = append(j.states, d.status.state())
	}
	j.closeRun(&r)
}

func (j *job) openRun(first uint32) run {
	n := len(j.segments)
	if n < cap(j.packers) {
		j.packers = j.packers[:n+1]
	} else {
		j.packers = append(j.packers, batch.Packer{})
	}
	j.packers[n].Reset()
	return run{packer: &j.packers[n], first: first, from: len(j.states)}
}

func (r *run) endsBefore(d *decision) bool {
	if r.packer.Size() > segmentBytes {
		return true
	}
	return r.travels && d.status.live() && (d.channel != r.channel || !d.until.Equal(r.until))
}

func (r *run) add(d *decision, in *batchjson.Recipient) {
	out := batch.Recipient{To: d.to, ClientRef: in.ClientRef}
	if d.why != nil {
		out.Code = d.why.packed
	}
	if d.status.live() {
		r.travels, r.channel, r.until = true, d.channel, d.until
		out.Vars = in.Vars
	} else { // nobody will need the variables: they are not kept
		r.decided = true
		out.To = cut(d.to, maxStoredTo)
	}
	r.packer.Append(out)
}

func (j *job) closeRun(r *run) {
	if r.packer.Len() == 0 {
		return
	}
	p := j.plan
	if !r.travels {
		r.channel = p.main.channel
	}
	seg := queue.Segment{
		First: r.first, Count: r.packer.Len(), Lane: r.channel.String(), Priority: p.priority,
		Due: later(p.due, r.until), Expires: p.expires, Payload: r.packer.Bytes(),
	}
	if r.decided {
		seg.Initial = j.states[r.from:len(j.states):len(j.states)]
	}
	j.segments = append(j.segments, seg)
}
