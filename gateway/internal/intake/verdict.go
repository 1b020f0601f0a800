package intake

import (
	"time"

	"heed/gateway/internal/queue"
	"heed/suppression/policy"
)

// status is what the caller is told of a recipient.
type status uint8

const (
	accepted status = iota
	deferred        // accepted, and goes out later than asked
	rerouted        // accepted, and goes to the fallback
	suppressed
	invalid
	duplicate
	statuses
)

var statusNames = [statuses]string{"accepted", "deferred", "rerouted", "suppressed", "invalid", "duplicate"}

func (s status) String() string { return statusNames[s] }

// live says whether the recipient will be sent to.
func (s status) live() bool { return s <= rerouted }

// state is what the queue is told.
func (s status) state() queue.State {
	switch s {
	case suppressed:
		return queue.Suppressed
	case invalid:
		return queue.Invalid
	case duplicate:
		return queue.Duplicate
	}
	return queue.Queued
}

// why is the reason of a decision, in the caller's words. Whys are made once, never per recipient.
type why struct {
	code   string
	detail string
	member string // of the recipient that is at fault, as a pointer
	packed []byte // code, as the segment takes it
}

func because(code, member, detail string) *why {
	return &why{code: code, detail: detail, member: member, packed: []byte(code)}
}

// decision is what becomes of one recipient.
type decision struct {
	status  status
	channel policy.Channel // on which a live recipient goes out
	to      []byte         // address as it is stored
	why     *why           // nil for accepted
	reason  *why           // what the list says, where why is only its consequence; or nil
	until   time.Time      // of a deferred one
}

// What may be wrong with a recipient.
var (
	badEmail    = because("address_syntax", "/to", "this is not an email address that can be sent to (RFC 5321 §4.1.2)")
	badNumber   = because("address_syntax", "/to", "this is not a phone number: write it in international form, such as +4790000000")
	noRegion    = because("address_syntax", "/to", "a number without + needs a country: write it in international form, such as +4790000000")
	longAddress = because("address_too_long", "/to", "an email address has at most 254 bytes (RFC 5321 §4.5.3.1.3), a phone number 15 digits")
	badFallback = because("fallback_channel", "/fallback/channel", "the fallback must be on the other channel: \"email\" or \"sms\"")
	repeated    = because("duplicate", "/to", "this address came before in this call; the first one counts")
)

// What may keep a message back beside the rows themselves.
var (
	held             = because("held", "", "kept back until a person has reviewed it")
	tooLate          = because("expires_first", "", "the message would expire before it may be sent")
	noFallback       = because("undeliverable", "", "not on this channel, and the recipient names no fallback")
	noContent        = because("undeliverable", "", "not on this channel, and the batch has no content or sender for the fallback's channel")
	fallbackSyntax   = because("undeliverable", "", "not on this channel, and the fallback's address is not valid")
	fallbackVariable = because("undeliverable", "", "not on this channel, and the text for the fallback's channel lacks one of its variables")
	fallbackBlocked  = because("undeliverable", "", "not on this channel, and the fallback may not be contacted either")
	elsewhere        = because("rerouted", "", "goes to the fallback")
	unexplained      = because("policy", "", "the policy does not allow it")
)

func missingVariable(name string) *why {
	return because("missing_variable", "/vars", "the variable \""+name+"\" is missing: add it to the recipient's vars, to the shared vars, or give it a default")
}

// reasons tells each reason of docs/policy.md in plain words.
var reasons = [policy.FrequencyCap + 1]*why{
	policy.UnsubscribeTopic:   row(policy.UnsubscribeTopic, "the recipient has left this topic"),
	policy.UnsubscribeAll:     row(policy.UnsubscribeAll, "the recipient has unsubscribed from everything"),
	policy.SMSStop:            row(policy.SMSStop, "the recipient has answered STOP"),
	policy.Complaint:          row(policy.Complaint, "the recipient has reported a message as spam"),
	policy.HardBounce:         row(policy.HardBounce, "the mailbox does not exist"),
	policy.InvalidNumber:      row(policy.InvalidNumber, "the number cannot be reached"),
	policy.ManualBlock:        row(policy.ManualBlock, "the address was blocked by hand"),
	policy.AccountDeactivated: row(policy.AccountDeactivated, "the recipient's account is closed"),
	policy.Erasure:            row(policy.Erasure, "the recipient's data was erased on request: remove the address from your lists"),
	policy.SharingOptOut:      row(policy.SharingOptOut, "the recipient does not allow data to be sold or shared"),
	policy.LegalHold:          row(policy.LegalHold, "the address is under a legal hold"),
	policy.NoConsent:          row(policy.NoConsent, "the recipient has not consented"),
	policy.ConsentExpired:     row(policy.ConsentExpired, "the recipient's consent has expired"),
	policy.NumberReassigned:   row(policy.NumberReassigned, "the number belongs to somebody else now"),
	policy.RoleOrTrap:         row(policy.RoleOrTrap, "the address is a role account or a spam trap"),
	policy.Underage:           row(policy.Underage, "the recipient is under age"),
	policy.DNCRegistry:        row(policy.DNCRegistry, "the number is on a do-not-call registry"),
	policy.GDPRRestriction:    row(policy.GDPRRestriction, "processing of the recipient's data is restricted (GDPR Art. 18)"),
	policy.QuietHours:         row(policy.QuietHours, "it is night where the recipient is"),
	policy.FrequencyCap:       row(policy.FrequencyCap, "the recipient has had enough messages for now"),
}

func row(r policy.Reason, detail string) *why { return because(r.String(), "", detail) }

// reasonOf is the reason of a verdict. A row that this version cannot read has none of its own.
func reasonOf(v policy.Verdict) *why {
	if int(v.Reason) < len(reasons) && reasons[v.Reason] != nil {
		return reasons[v.Reason]
	}
	return unexplained
}

// settle turns a verdict into a decision; ok is false for a reroute, which asks about the fallback first.
func settle(d decision, v policy.Verdict, now, expires time.Time) (_ decision, ok bool) {
	switch v.Action {
	case policy.Allow:
		return d, true
	case policy.Reroute:
		d.reason = reasonOf(v)
		return d, false
	case policy.Defer:
		return postpone(d, v, now, expires), true
	case policy.Hold:
		d.status, d.why, d.reason = suppressed, held, reasonOf(v)
	default:
		d.status, d.why = suppressed, reasonOf(v)
	}
	return d, true
}

// unknownWait is how long a deferral lasts that does not say until when; dispatch asks again then.
const unknownWait = time.Hour

// postpone waits for the verdict's time, if the message is still worth sending then.
func postpone(d decision, v policy.Verdict, now, expires time.Time) decision {
	until := v.Until
	if !until.After(now) {
		until = now.Add(unknownWait)
	}
	if !until.Before(expires) {
		d.status, d.why, d.reason = suppressed, tooLate, reasonOf(v)
		return d
	}
	d.status, d.why, d.until = deferred, reasonOf(v), until
	return d
}

// undeliverable keeps back what can go out on neither channel (P4: reported, never dropped).
func undeliverable(d decision, cause *why) decision {
	d.status, d.why = suppressed, cause
	return d
}
