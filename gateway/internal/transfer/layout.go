package transfer

import (
	"bytes"
	"maps"
	"regexp"
	"slices"

	"heed/suppression/policy"
)

// Format names whose file it is, and of which list. Each is read as CSV or as JSON, whichever it is.
type Format string

// The formats. Files of providers that keep a list per reason do not say the reason inside, so each list has its format.
const (
	Heed                      Format = "heed" // channel, address (or key), reason, topic, at
	SendGridBounces           Format = "sendgrid_bounces"
	SendGridBlocks            Format = "sendgrid_blocks"
	SendGridSpamReports       Format = "sendgrid_spam_reports"
	SendGridInvalidEmails     Format = "sendgrid_invalid_emails"
	SendGridUnsubscribes      Format = "sendgrid_unsubscribes"
	SendGridGroupUnsubscribes Format = "sendgrid_group_unsubscribes"
	MailgunBounces            Format = "mailgun_bounces"
	MailgunUnsubscribes       Format = "mailgun_unsubscribes"
	MailgunComplaints         Format = "mailgun_complaints"
	Postmark                  Format = "postmark"
	SES                       Format = "ses"
)

// Formats lists all formats by name.
func Formats() []Format { return slices.Sorted(maps.Keys(layouts)) }

// column is what a column of a CSV file or a member of a JSON object means to us.
type column uint8

const (
	addr column = iota
	channel
	reason
	topic
	at
	key
	class
	allChannels
	origin
	outcome
	diagnosis
	columnCount
)

// values are the fields of one row, by meaning; nil where the row has none.
type values [columnCount][]byte

// layout says how a format is read: names of columns as plainName writes them, and which reason a row has.
type layout struct {
	columns map[string]column
	bare    []column // the columns of a CSV file without header; nil if it must have one
	channel policy.Channel
	reason  func(v *values) (policy.Reason, Code)
	topics  bool // a row may name several topics, "*" for all
	signs   []sign
}

// What a column may be called in a format. Columns not named are not read.
var (
	sendgrid = map[string]column{"email": addr, "created": at, "createdat": at, "groupname": topic, "status": outcome, "reason": diagnosis}
	mailgun  = map[string]column{"address": addr, "createdat": at, "tags": topic, "tag": topic, "code": outcome, "error": diagnosis}
)

var layouts = map[Format]layout{
	Heed: {
		columns: map[string]column{"channel": channel, "address": addr, "reason": reason, "topic": topic, "at": at, "key": key,
			"class": class, "allchannels": allChannels},
		reason: ownReason,
	},
	SendGridBounces:           {columns: sendgrid, channel: policy.Email, reason: bounceReason},
	SendGridSpamReports:       mail(sendgrid, policy.Complaint, sendgridSigns[:2]...),
	SendGridInvalidEmails:     mail(sendgrid, policy.HardBounce, sendgridSigns[:1]...),
	SendGridUnsubscribes:      mail(sendgrid, policy.UnsubscribeAll, sendgridSigns...),
	SendGridGroupUnsubscribes: mail(sendgrid, policy.UnsubscribeTopic, sendgridSigns...),
	// SendGrid goes on sending to a blocked address: the refusal was of that one message.
	SendGridBlocks:    {columns: sendgrid, channel: policy.Email, reason: func(*values) (policy.Reason, Code) { return 0, Passing }},
	MailgunBounces:    {columns: mailgun, channel: policy.Email, reason: bounceReason},
	MailgunComplaints: mail(mailgun, policy.Complaint, mailgunSigns...),
	MailgunUnsubscribes: {columns: mailgun, channel: policy.Email, topics: true, signs: mailgunSigns,
		reason: func(*values) (policy.Reason, Code) { return policy.UnsubscribeTopic, "" }},
	Postmark: {
		columns: map[string]column{"emailaddress": addr, "suppressionreason": reason, "origin": origin, "createdat": at},
		channel: policy.Email, reason: postmarkReason,
	},
	SES: {
		columns: map[string]column{"emailaddress": addr, "reason": reason, "lastupdatetime": at},
		bare:    []column{addr, reason, at}, channel: policy.Email, reason: sesReason,
	},
}

// mail is the layout of an email list that is about one reason.
func mail(columns map[string]column, r policy.Reason, signs ...sign) layout {
	return layout{columns: columns, channel: policy.Email, signs: signs, reason: func(*values) (policy.Reason, Code) { return r, "" }}
}

// bounceReason: the mailbox is gone, unless the status, or the answer where there is none, says that it was for a time only: 4yz (RFC 5321 §4.2.1)
// or 4.x.x (RFC 3463 §3).
func bounceReason(v *values) (policy.Reason, Code) {
	said := bytes.TrimSpace(v[outcome])
	if len(said) == 0 {
		said = bytes.TrimSpace(v[diagnosis])
	}
	if transient.Match(said) {
		return 0, Passing
	}
	return policy.HardBounce, ""
}

var transient = regexp.MustCompile(`^4(\.\d{1,3}\.\d{1,3}|\d\d)(\D|$)`)

func ownReason(v *values) (policy.Reason, Code) {
	r, ok := policy.ParseReason(string(v[reason]))
	if len(v[reason]) > 0 && (!ok || !r.Stored()) {
		return 0, BadReason
	}
	return r, "" // 0: the job's default
}

// postmarkReason: a suppression by hand was the recipient's unsubscribe, or else the customer's or the provider's own act.
func postmarkReason(v *values) (policy.Reason, Code) {
	switch string(v[reason]) {
	case "HardBounce":
		return policy.HardBounce, ""
	case "SpamComplaint":
		return policy.Complaint, ""
	case "ManualSuppression":
		if string(v[origin]) == "Recipient" {
			return policy.UnsubscribeAll, ""
		}
		return policy.ManualBlock, ""
	}
	return 0, BadReason
}

func sesReason(v *values) (policy.Reason, Code) {
	switch string(v[reason]) {
	case "BOUNCE":
		return policy.HardBounce, ""
	case "COMPLAINT":
		return policy.Complaint, ""
	}
	return 0, BadReason
}

// maxName is the longest name of a column that is looked at.
const maxName = 40

// plainName appends a column's name without case, spaces and joining marks, as "Email Address", "email_address" and
// "EmailAddress" are the same to the people who export them. Longer names are cut, and so are none of ours.
func plainName(dst, name []byte) []byte {
	for _, c := range name {
		switch {
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		case c == ' ' || c == '_' || c == '-':
			continue
		}
		if len(dst) == cap(dst) {
			break
		}
		dst = append(dst, c)
	}
	return dst
}
