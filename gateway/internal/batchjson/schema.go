package batchjson

import "strconv"

// The members of each object; a member's place in its list is its bit in a seen.
var (
	sharedMembers = []string{"channel", "class", "topic", "from", "reply_to", "subject", "html", "text", "body", "headers", "vars",
		"send_at", "expires_at", "template_id"}
	recipientMembers = []string{"to", "vars", "client_ref", "fallback"}
	fallbackMembers  = []string{"channel", "to"}
	batchMembers     = append([]string{"recipients"}, sharedMembers...)
	messageMembers   = append([]string{"to", "client_ref", "fallback"}, sharedMembers...)
)

// seen is the set of members an object has had so far.
type seen uint32

// mark notes a member: it must be known and new.
func (m *seen) mark(name []byte, known []string) *Error {
	for i, k := range known {
		if string(name) != k {
			continue
		}
		if *m&(1<<i) != 0 {
			return duplicate()
		}
		*m |= 1 << i
		return nil
	}
	return unknown(name, known)
}

// first says whether the first member of the object's list came: the one it cannot do without.
func (m seen) first() bool { return m&1 != 0 }

func missing(member, detail string) *Error {
	return fail("missing", detail).under([]byte(member))
}

func (d *Decoder) batch(l Limits) *Error {
	var had seen
	err := d.scan.object(func(name []byte) *Error {
		if err := had.mark(name, batchMembers); err != nil {
			return err
		}
		if string(name) == "recipients" {
			return d.recipients(l)
		}
		return d.shared(name)
	})
	if err == nil && !had.first() {
		return missing("recipients", `add "recipients":[{"to":"…"}]`)
	}
	return err
}

func (d *Decoder) recipients(l Limits) *Error {
	return d.scan.array(func(i int) *Error {
		if i == l.Recipients {
			return fail("too_many", "more than "+strconv.Itoa(l.Recipients)+" recipients: split the call, or send NDJSON")
		}
		return d.recipient()
	})
}

func (d *Decoder) head(Limits) *Error {
	var had seen
	return d.scan.object(func(name []byte) *Error {
		if string(name) == "recipients" {
			return fail("unknown_key", "an NDJSON body has one recipient a line, from line 2 on")
		}
		if err := had.mark(name, sharedMembers); err != nil {
			return err
		}
		return d.shared(name)
	})
}

func (d *Decoder) line(Limits) *Error { return d.recipient() }

// recipient reads one recipient and appends it.
func (d *Decoder) recipient() *Error {
	var had seen
	var r Recipient
	err := d.scan.object(func(name []byte) *Error {
		if err := had.mark(name, recipientMembers); err != nil {
			return err
		}
		return d.recipientMember(name, &r)
	})
	if err == nil && !had.first() {
		err = missing("to", "each recipient needs an address")
	}
	if err == nil {
		d.Recipients = append(d.Recipients, r)
	}
	return err
}

func (d *Decoder) message(Limits) *Error {
	var had seen
	var r Recipient
	err := d.scan.object(func(name []byte) *Error {
		if err := had.mark(name, messageMembers); err != nil {
			return err
		}
		switch string(name) {
		case "to", "vars", "client_ref", "fallback":
			return d.recipientMember(name, &r)
		}
		return d.shared(name)
	})
	if err == nil && !had.first() {
		err = missing("to", "a message needs an address")
	}
	if err == nil {
		d.Recipients = append(d.Recipients, r)
	}
	return err
}

// recipientMember reads the value of a recipient's member.
func (d *Decoder) recipientMember(name []byte, r *Recipient) (err *Error) {
	switch string(name) {
	case "to":
		r.To, err = d.scan.text()
	case "vars":
		r.Vars, err = d.scan.vars()
	case "client_ref":
		r.ClientRef, err = d.scan.text()
		if len(r.ClientRef) > maxClientRefBytes {
			err = fail("too_long", "client_ref has more than "+strconv.Itoa(maxClientRefBytes)+" bytes: shorten it")
		}
	case "fallback":
		err = d.fallback(r)
	}
	return err
}

// fallback reads where else the person can be reached.
func (d *Decoder) fallback(r *Recipient) *Error {
	var had seen
	err := d.scan.object(func(name []byte) (err *Error) {
		if err := had.mark(name, fallbackMembers); err != nil {
			return err
		}
		if string(name) == "to" {
			r.FallbackTo, err = d.scan.text()
		} else {
			r.FallbackChannel, err = d.scan.text()
		}
		return err
	})
	if err == nil && had != 1<<len(fallbackMembers)-1 {
		return fail("missing", `a fallback is {"channel":"…","to":"…"}`)
	}
	return err
}

// shared reads the value of a member of the shared part.
func (d *Decoder) shared(name []byte) *Error {
	switch string(name) {
	case "headers":
		return d.headers()
	case "vars":
		return d.sharedVars()
	}
	value, err := d.scan.text()
	if err == nil {
		*d.sharedText(name) = string(value)
	}
	return err
}

// sharedText is where a member that is a string goes.
func (d *Decoder) sharedText(name []byte) *string {
	switch string(name) {
	case "channel":
		return &d.Shared.Channel
	case "class":
		return &d.Shared.Class
	case "topic":
		return &d.Shared.Topic
	case "from":
		return &d.Shared.From
	case "reply_to":
		return &d.Shared.ReplyTo
	case "subject":
		return &d.Shared.Subject
	case "html":
		return &d.Shared.HTML
	case "text":
		return &d.Shared.Text
	case "body":
		return &d.Shared.Body
	case "send_at":
		return &d.Shared.SendAt
	case "expires_at":
		return &d.Shared.ExpiresAt
	case "template_id":
		return &d.Shared.TemplateID
	}
	panic("batchjson: sharedMembers names a member without a field") // our bug: a test reads every member
}

// headers keeps the caller's order.
func (d *Decoder) headers() *Error {
	return d.scan.free(func(name []byte) *Error {
		value, err := d.scan.text()
		if err == nil {
			d.Shared.Headers = append(d.Shared.Headers, [2]string{string(name), string(value)})
		}
		return err
	})
}

func (d *Decoder) sharedVars() *Error {
	d.Shared.Vars = map[string]string{}
	vars, err := d.scan.vars()
	if err == nil && AppendVars(d.Shared.Vars, vars) != nil {
		panic("batchjson: vars passed what AppendVars refuses") // our bug: FuzzBatch looks for it
	}
	return err
}
