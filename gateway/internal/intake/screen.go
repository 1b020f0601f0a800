package intake

import (
	"bytes"
	"errors"
	"fmt"

	"heed/gateway/internal/batchjson"
	"heed/suppression"
	"heed/suppression/address"
	"heed/suppression/policy"
)

// screen fills decisions. Recipients are asked about together: the list then hides the memory latency of one behind the others.
func (j *job) screen(chunk []batchjson.Recipient) error {
	j.decisions, j.canonical, j.keys, j.owners = j.decisions[:0], j.canonical[:0], j.keys[:0], j.owners[:0]
	for i := range chunk {
		d := decision{channel: j.plan.main.channel}
		j.inspect(&d, &chunk[i], uint32(i))
		j.decisions = append(j.decisions, d)
	}
	if err := j.check(0); err != nil {
		return err
	}
	return j.judge(chunk)
}

// inspect decides what the list is not needed for, and collects the keys to ask it about.
func (j *job) inspect(d *decision, r *batchjson.Recipient, i uint32) {
	from := len(j.keys)
	d.to = bytes.TrimSpace(r.To)
	if d.why = j.identify(&j.plan.main, d, i); d.why == nil {
		d.why = j.plan.complaint(r)
	}
	if d.why != nil {
		d.status = invalid
	} else if !j.seen.add(j.keys[from]) {
		d.status, d.why = duplicate, repeated
	}
	if d.why != nil {
		j.keys, j.owners = j.keys[:from], j.owners[:from]
	}
}

// complaint is what is wrong with a recipient whose address is right.
func (p *plan) complaint(r *batchjson.Recipient) *why {
	if r.FallbackTo != nil && string(r.FallbackChannel) != otherChannel(p.main.channel).String() {
		return badFallback
	}
	return p.main.missing(r.Vars)
}

// missing is the complaint about the first required variable that vars lack.
func (r *route) missing(vars []byte) *why {
	if len(r.required) == 0 {
		return nil
	}
	var found uint64
	if len(vars) > 0 {
		batchjson.Names(vars, func(name []byte) {
			for i := range r.required {
				if r.required[i].name == string(name) {
					found |= 1 << i
				}
			}
		})
	}
	for i := range r.required {
		if found&(1<<i) == 0 {
			return r.required[i].why
		}
	}
	return nil
}

// identify appends the keys of d.to on a route, the exact one first. A phone number is stored in E.164, so that what is sent to is what
// was checked, whatever the tenant's region becomes.
func (j *job) identify(r *route, d *decision, owner uint32) *why {
	from := len(j.canonical)
	form, fault := r.appendCanonical(j.canonical, d.to)
	if fault != nil {
		return fault
	}
	j.keys = r.keyer.AppendKeys(j.keys, form[from:], true)
	for len(j.owners) < len(j.keys) {
		j.owners = append(j.owners, owner)
	}
	if j.canonical = form[:from]; r.channel == policy.SMS {
		j.canonical, d.to = form, form[from:len(form):len(form)]
	}
	return nil
}

// appendCanonical appends the form of an address that its keys are made of.
func (r *route) appendCanonical(dst, to []byte) ([]byte, *why) {
	var err error
	bad := badEmail
	if r.channel == policy.SMS {
		bad = badNumber
		dst, err = address.AppendPhone(dst, to, r.region)
	} else {
		dst, err = address.AppendEmail(dst, to)
	}
	switch {
	case err == nil:
		return dst, nil
	case errors.Is(err, address.ErrTooLong):
		return dst, longAddress
	case errors.Is(err, address.ErrRegion):
		return dst, noRegion
	}
	return dst, bad
}

// check asks the list about keys[from:]. Requires: those before were asked about.
func (j *job) check(from int) error {
	j.hit = append(j.hit[:from], make([]bool, len(j.keys)-from)...)
	if err := j.in.o.List.CheckBatch(j.ctx, j.keys[from:], j.hit[from:]); err != nil {
		return listDown(err)
	}
	return nil
}

// listDown is P5: without an answer nothing goes out.
func listDown(err error) error {
	return unavailable("list_unavailable", "the suppression list cannot answer, so nothing was accepted: try again", fmt.Errorf("check suppression list: %w", err))
}

// judge asks the policy about the recipients whose keys were hit; the others stay accepted.
func (j *job) judge(chunk []batchjson.Recipient) error {
	asked := len(j.keys) // keys of fallbacks come behind
	for k := 0; k < asked; k++ {
		if !j.hit[k] {
			continue
		}
		i, from := j.owners[k], k
		for k+1 < asked && j.owners[k+1] == i {
			k++
		}
		v, err := j.verdict(from, k+1, j.plan.main.channel)
		if err == nil {
			err = j.settle(&j.decisions[i], v, &chunk[i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (j *job) settle(d *decision, v policy.Verdict, r *batchjson.Recipient) (err error) {
	var settled bool
	if *d, settled = settle(*d, v, j.plan.head.Created, j.plan.expires); !settled {
		*d, err = j.reroute(*d, r)
	}
	return err
}

// clearVerdict is the one on an address without rows.
var clearVerdict = policy.Verdict{Action: policy.Allow}

// verdict is the policy's on the address whose keys are keys[from:to].
func (j *job) verdict(from, to int, c policy.Channel) (policy.Verdict, error) {
	j.rows = j.rows[:0]
	var err error
	for k := from; k < to; k++ {
		if !j.hit[k] {
			continue
		}
		if j.rows, err = j.in.o.List.Rows(j.rows, j.keys[k]); err != nil {
			return policy.Verdict{}, listDown(err)
		}
	}
	if len(j.rows) == 0 {
		return clearVerdict, nil
	}
	j.facts = suppression.Facts(j.facts[:0], j.rows)
	h := &j.plan.head
	q := policy.Query{Channel: c, Class: h.Class, Topic: h.Topic, Closing: h.Closing, Now: h.Created}
	return j.in.o.Policy.Decide(q, j.facts), nil
}

// reroute asks about the fallback from scratch: what the first channel's rows say does not count there, and what its own say does
// (docs/policy.md). Only a plain allow will do.
func (j *job) reroute(d decision, r *batchjson.Recipient) (decision, error) {
	other := j.plan.other
	switch {
	case r.FallbackTo == nil:
		return undeliverable(d, noFallback), nil
	case other == nil:
		return undeliverable(d, noContent), nil
	case other.missing(r.Vars) != nil:
		return undeliverable(d, fallbackVariable), nil
	}
	from := len(j.keys)
	alt := decision{channel: other.channel, to: bytes.TrimSpace(r.FallbackTo), reason: d.reason}
	if j.identify(other, &alt, 0) != nil {
		return undeliverable(d, fallbackSyntax), nil
	}
	if !j.seen.add(j.keys[from]) {
		d.status, d.why, d.reason = duplicate, repeated, nil
		return d, nil
	}
	v, err := j.fallbackVerdict(from)
	if err != nil || v.Action != policy.Allow {
		return undeliverable(d, fallbackBlocked), err
	}
	alt.status, alt.why = rerouted, elsewhere
	return alt, nil
}

func (j *job) fallbackVerdict(from int) (policy.Verdict, error) {
	if err := j.check(from); err != nil {
		return policy.Verdict{}, err
	}
	return j.verdict(from, len(j.keys), j.plan.other.channel)
}
