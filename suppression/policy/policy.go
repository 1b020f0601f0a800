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

// Row is one suppression as the decision sees it.
type Row struct {
	Reason Reason
	Topic  string    // the topic left, for an unsubscribe_topic; "" means every topic
	Class  Class     // class of the message the person reacted to; 0 if unknown
	Since  time.Time // when the person acted
	// AllChannels marks an unsubscribe_all made as an objection to every channel.
	AllChannels bool
	// Until is when a defer row (quiet hours, frequency cap) ends.
	Until time.Time
	// Channel is the channel of the address the row was found under; 0 means the query's own. A row of the person's
	// other address speaks here only as an unsubscribe_all with AllChannels, or through a ".email" line of the matrix.
	Channel Channel
}

// Query is the message a verdict is wanted for.
type Query struct {
	Channel Channel
	Class   Class
	Topic   string // "" for a message of no topic
	Closing bool   // the template is tagged "closing" (final invoice, refund, export, closure receipt)
	Shared  bool   // advertiser is not the sender, or the audience is exported, shared or bought
	Now     time.Time
}

// Verdict is the decision, and the row and rule that explain it. An Allow names a row too when rows matched: the one that
// the message was let past, which the audit of overriding sends wants.
type Verdict struct {
	Action Action
	Reason Reason    // 0 when nothing matched
	Row    int       // index of the deciding row in the rows given; -1 when nothing matched
	Rule   string    // stable id of the deciding cell, such as "sms_stop/service", or one of the Rule constants
	Until  time.Time // for Defer
}

// Rules that are not cells of the matrix.
const (
	RuleClear         = "clear"          // no row matched: allow
	RuleInvalidQuery  = "invalid_query"  // class or channel unknown: block
	RuleUnknownReason = "unknown_reason" // a row this version does not know: block
)
