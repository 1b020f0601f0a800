package policy

// Reason says why an address is not contacted: the rows of the decision table, in its order.
type Reason uint8

// The reasons. The zero value is invalid. The numbers are stored on disk: never renumber.
const (
	UnsubscribeTopic Reason = iota + 1
	UnsubscribeAll
	SMSStop
	Complaint
	HardBounce
	InvalidNumber
	ManualBlock
	AccountDeactivated
	Erasure
	SharingOptOut
	LegalHold
	NoConsent
	ConsentExpired
	NumberReassigned
	RoleOrTrap
	Underage
	DNCRegistry
	GDPRRestriction
	QuietHours
	FrequencyCap
)

// Reasons lists every reason in the order of the table. The slice is the caller's.
func Reasons() []Reason {
	all := make([]Reason, 0, FrequencyCap)
	for r := UnsubscribeTopic; r <= FrequencyCap; r++ {
		all = append(all, r)
	}
	return all
}

// Valid reports whether r is one of the reasons.
func (r Reason) Valid() bool { return r >= UnsubscribeTopic && r <= FrequencyCap }

// Stored reports whether rows of r are kept in the list. Quiet hours and frequency caps are computed by the sender for each
// message and belong to no list.
func (r Reason) Stored() bool { return r.Valid() && r != QuietHours && r != FrequencyCap }

// Topical reports whether a row of r is narrowed by its topic. Every other row speaks for all topics, whatever topic it remembers.
func (r Reason) Topical() bool { return r == UnsubscribeTopic }

// Families reports whether a row of r is stored under the family key of an address too, beside its exact key: the person
// spoke of themselves, not of one spelling of their mailbox. A topic is left by the spelling that subscribed to it, and a
// bounce is about one spelling.
func Families(r Reason) bool {
	switch r {
	case UnsubscribeAll, Complaint, ManualBlock, Erasure, LegalHold:
		return true
	}
	return false
}

// LiftableByPerson reports whether an evidenced opt-in by the person lifts rows of r (those the opt-in had observed).
//
// It lifts what the person themselves declined or never agreed to: the three ways of leaving, the sharing opt-out, missing
// or expired consent, and an erasure. It never lifts a complaint, what is a fact about the address (hard_bounce and
// invalid_number are cleared by re-verification, number_reassigned and role_or_trap by new facts), or what somebody else
// decided (manual_block, legal_hold, underage, account_deactivated, dnc_registry, gdpr_restriction): those take an operator
// with the right.
func (r Reason) LiftableByPerson() bool {
	switch r {
	case UnsubscribeTopic, UnsubscribeAll, SMSStop, Erasure, SharingOptOut, NoConsent, ConsentExpired:
		return true
	}
	return false
}
