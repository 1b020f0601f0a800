package policy

// cell is one cell of the matrix: what it says, and how far an operator may move it.
type cell uint8

// The cells, by the names the matrix gives them. L is locked: A-L may not be tightened, since that would silence required
// notices; B-L and R-L may not be loosened. T may be tightened. O may be loosened, too.
const (
	aL   cell = iota + 1 // allow, locked
	aT                   // allow; the operator may tighten
	bL                   // block, locked
	bO                   // block; the operator may loosen
	rL                   // blocked on this channel, then evaluated on the other; locked
	rO                   // the same; the operator may loosen
	wait                 // defer; the operator may tighten
	hold                 // hold for review; the operator may tighten
)

// line is a row of the matrix in one situation. Most rows have one; where a cell says "if", each case has its line.
type line uint8

const (
	topicLeft line = iota
	topicChild
	topicOther
	everything
	smsStop
	smsStopEmail
	complaint
	complaintMarketing
	hardBounce
	invalidNumber
	manualBlock
	deactivated
	deactivatedClosing
	erasure
	sharingOwn
	sharingShared
	legalHold
	noConsent
	consentExpired
	numberReassigned
	roleOrTrap
	underage
	dncRegistry
	dncRegistryEmail
	gdprRestriction
	quietHours
	frequencyCap
	lines
)

// situation is what the matrix says in one line.
type situation struct {
	reason Reason
	when   string // the case, appended to the reason in the rule's id; "" for the plain one
	cells  [Mandatory]cell
}

// matrix is the decision table. docs/policy.md shows it to operators; a note in the right margin says when a line is the one that counts.
var matrix = [lines]situation{
	//                                              marketing transact. service mandatory
	topicLeft:          {UnsubscribeTopic, "", row{bL, aT, bL, aL}},      // the topic left, service news included
	topicChild:         {UnsubscribeTopic, "child", row{bL, aT, aT, aL}}, // below the topic left
	topicOther:         {UnsubscribeTopic, "other", row{aT, aT, aT, aL}}, // any other topic: tighten to widen the opt-out
	everything:         {UnsubscribeAll, "", row{bL, aT, aT, aL}},
	smsStop:            {SMSStop, "", row{bL, rO, rO, rL}},            // SMS, brand-wide
	smsStopEmail:       {SMSStop, "email", row{aT, aT, aT, aL}},       // STOP speaks for SMS; tighten to extend it
	complaint:          {Complaint, "", row{bL, bO, bO, aT}},          // about a transactional message, or unknown
	complaintMarketing: {Complaint, "marketing", row{bL, aT, bO, aT}}, // about a marketing message
	hardBounce:         {HardBounce, "", row{bL, rO, bL, rO}},
	invalidNumber:      {InvalidNumber, "", row{bL, rO, bL, rO}},
	manualBlock:        {ManualBlock, "", row{bL, bO, bO, bO}},
	deactivated:        {AccountDeactivated, "", row{bL, bO, bL, aT}},
	deactivatedClosing: {AccountDeactivated, "closing", row{bL, aT, bL, aT}}, // templates tagged closing, for 90 days
	erasure:            {Erasure, "", row{bL, bO, bL, bO}},
	sharingOwn:         {SharingOptOut, "", row{aT, aL, aL, aL}},       // own brand
	sharingShared:      {SharingOptOut, "shared", row{bL, aL, aL, aL}}, // another's advertisement, or a shared audience
	legalHold:          {LegalHold, "", row{bO, aT, aT, aT}},
	noConsent:          {NoConsent, "", row{bL, aT, aT, aL}},
	consentExpired:     {ConsentExpired, "", row{bL, aT, aT, aL}},
	numberReassigned:   {NumberReassigned, "", row{bL, hold, hold, rO}},
	roleOrTrap:         {RoleOrTrap, "", row{bO, aT, aT, aL}},
	underage:           {Underage, "", row{bL, aT, aT, aL}},
	dncRegistry:        {DNCRegistry, "", row{bO, aT, aT, aL}},      // SMS
	dncRegistryEmail:   {DNCRegistry, "email", row{aT, aT, aT, aL}}, // a registry of numbers says nothing of mail
	gdprRestriction:    {GDPRRestriction, "", row{bL, bO, bO, aT}},
	quietHours:         {QuietHours, "", row{wait, aT, aT, aL}}, // service: tighten to defer
	frequencyCap:       {FrequencyCap, "", row{wait, aT, aT, aL}},
}

// row is short for the four cells of a line: marketing, transactional, service, mandatory.
type row = [Mandatory]cell

// ids holds the id of every cell, such as "complaint.marketing/service", made once so that a verdict allocates nothing.
var ids = func() (ids [lines][Mandatory]string) {
	for l, s := range matrix {
		id := s.reason.String()
		if s.when != "" {
			id += "." + s.when
		}
		for class := Marketing; class <= Mandatory; class++ {
			ids[l][class-1] = id + "/" + class.String()
		}
	}
	return ids
}()

// action is what the cell says unless the operator changed it.
func (c cell) action() Action {
	switch c {
	case aL, aT:
		return Allow
	case rL, rO:
		return Reroute
	case wait:
		return Defer
	case hold:
		return Hold
	}
	return Block
}

// permits reports whether the operator may make the cell say a.
func (c cell) permits(a Action) bool {
	switch built := c.action(); {
	case a == built:
		return true
	case a > built:
		return c != aL
	}
	return c == bO || c == rO
}

// String is the cell's name in the matrix.
func (c cell) String() string {
	return [...]string{"", "A-L", "A-T", "B-L", "B-O", "R-L", "R-O", "defer", "hold"}[c]
}
