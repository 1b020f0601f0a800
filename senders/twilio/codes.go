package twilio

import "heed/senders"

// classes says what Twilio's codes at creation mean for the message. Twilio warns that codes change, so what is not here is judged by
// the HTTP status, and never suppresses anybody.
var classes = map[int]senders.Class{
	20003: senders.Unavailable, // authentication
	20404: senders.Unavailable, // no such account or path
	20429: senders.Throttled,   // too many concurrent requests; not processed
	21211: senders.Permanent,   // invalid To
	21212: senders.Permanent,   // invalid From: the sender's settings, the recipient is innocent
	21408: senders.Permanent,   // region not enabled
	21602: senders.Permanent,   // no body
	21603: senders.Permanent,   // no From
	21604: senders.Permanent,   // no To
	21606: senders.Permanent,   // From cannot send SMS
	21608: senders.Permanent,   // trial account, To not verified
	21610: senders.Permanent,   // the recipient opted out of this sender
	21611: senders.Throttled,   // From's queue is full
	21612: senders.Permanent,   // this pair of To and From cannot be routed
	21614: senders.Permanent,   // To cannot receive SMS
	21617: senders.Permanent,   // body too long
	30001: senders.Throttled,   // queue overflow
	30002: senders.Unavailable, // account suspended
	30022: senders.Throttled,   // 10DLC rate limit
}

// classOf judges an answer by its code, else by its status. A 5xx may have been accepted whatever its code says.
func classOf(status, code int) senders.Class {
	if class, ok := classes[code]; ok && status >= 400 && status < 500 {
		return class
	}
	switch {
	case status >= 300 && status < 400, status == 401, status == 403, status == 404, status == 407:
		return senders.Unavailable
	case status == 408:
		return senders.Temporary
	case status == 429:
		return senders.Throttled
	case status >= 400 && status < 500:
		return senders.Permanent
	}
	return senders.Unknown
}

// ofRecipient are the codes that speak of the To number; the others speak of our account, our number or the text.
var ofRecipient = map[int]bool{21211: true, 21610: true, 21614: true}
