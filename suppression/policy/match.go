package policy

import (
	"strings"
	"time"
)

// closingTime is how long templates tagged "closing" may follow a deactivated account.
const closingTime = 90 * 24 * time.Hour

// plain gives the line of each reason that has but one.
var plain = [...]line{
	UnsubscribeAll: everything, HardBounce: hardBounce, InvalidNumber: invalidNumber, ManualBlock: manualBlock,
	Erasure: erasure, LegalHold: legalHold, NoConsent: noConsent, ConsentExpired: consentExpired,
	NumberReassigned: numberReassigned, RoleOrTrap: roleOrTrap, Underage: underage, GDPRRestriction: gdprRestriction,
	QuietHours: quietHours, FrequencyCap: frequencyCap,
}

// match gives the line of the matrix that a row falls under, and whether it concerns the message at all.
// Requires: r.Reason is valid.
func match(q *Query, r *Row) (line, bool) {
	switch r.Reason {
	case SMSStop:
		return onSMS(q, smsStop, smsStopEmail), true
	case DNCRegistry:
		return onSMS(q, dncRegistry, dncRegistryEmail), true
	}
	if foreign(q, r) {
		return 0, false
	}
	switch r.Reason {
	case UnsubscribeTopic:
		return topicLine(r.Topic, q.Topic), true
	case Complaint:
		return choose(r.Class == Marketing, complaintMarketing, complaint), true
	case AccountDeactivated:
		return choose(closing(q, r), deactivatedClosing, deactivated), true
	case SharingOptOut:
		return choose(q.Shared, sharingShared, sharingOwn), true
	}
	return plain[r.Reason], true
}

// foreign reports whether a row was made for another channel and does not reach over to this one.
func foreign(q *Query, r *Row) bool {
	if r.Channel == 0 || r.Channel == q.Channel {
		return false
	}
	return r.Reason != UnsubscribeAll || !r.AllChannels
}

// closing reports whether the message may still follow the deactivated account. Without the time it ended, or the time it is now,
// there is no such time.
func closing(q *Query, r *Row) bool {
	return q.Closing && !r.Since.IsZero() && !q.Now.IsZero() && q.Now.Before(r.Since.Add(closingTime))
}

func topicLine(left, topic string) line {
	switch {
	case left == topic && left != "":
		return topicLeft
	case covers(left, topic):
		return topicChild
	}
	return topicOther
}

// covers reports whether leaving a topic leaves another: "" covers all, "news" covers "news" and "news/sport".
func covers(left, topic string) bool {
	rest, ok := strings.CutPrefix(topic, left)
	return ok && (left == "" || rest == "" || rest[0] == '/')
}

func onSMS(q *Query, sms, email line) line { return choose(q.Channel == SMS, sms, email) }

func choose(yes bool, a, b line) line {
	if yes {
		return a
	}
	return b
}
