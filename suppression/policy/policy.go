package policy

import "time"

// Channel is a way to reach a person.
type Channel uint8

// The channels. The zero value is invalid. The numbers are stored on disk: never renumber.
const (
	Email Channel = 1
	SMS   Channel = 2
)

// Class is a message class: what kind of permission a message needs.
type Class uint8

// The classes. The zero value is "unknown". The numbers are stored on disk: never renumber.
const (
	Marketing     Class = 1
	Transactional Class = 2
	Service       Class = 3
	Mandatory     Class = 4
)

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

// Action is what a verdict asks for, from the loosest to the most restrictive.
type Action uint8

// The actions, ordered: when several rows match, the greatest wins.
const (
	Allow Action = iota + 1
	Reroute
	Defer
	Hold
	Block
)

// Row is one matching suppression as the decision sees it.
type Row struct {
	Reason Reason
	Topic  string    // the topic left; "" means every topic
	Class  Class     // class of the message the person reacted to; 0 if unknown
	Since  time.Time // when the person acted
	// AllChannels marks an unsubscribe_all made as an objection to every channel.
	AllChannels bool
	// Until is when a defer row (quiet hours, frequency cap) ends.
	Until time.Time
}

// Query is the message a verdict is wanted for.
type Query struct {
	Channel Channel
	Class   Class
	Topic   string
	Closing bool // the template is tagged "closing" (final invoice, refund, export, closure receipt)
	Shared  bool // advertiser is not the sender, or the audience is exported, shared or bought
	Now     time.Time
}

// Verdict is the decision, and the row and rule that explain it.
type Verdict struct {
	Action Action
	Reason Reason    // 0 when nothing matched
	Row    int       // index of the deciding row in the rows given; -1 when nothing matched
	Rule   string    // stable id of the deciding cell, such as "sms_stop/service"
	Until  time.Time // for Defer
}
