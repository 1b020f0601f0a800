package message

import (
	"strings"

	"heed/gateway/internal/batch"
	"heed/suppression/policy"
)

// ContentOf is what a batch says on a channel: its own, or the one it reroutes to; acceptance and hand-off compile the same content. A batch made
// for mail says Body by SMS, or Text for want of one. A batch made for SMS says its Body in a mail whose subject names the tenant, unless it brings
// content for mail.
//
// Of the classes only marketing carries the unsubscribe headers, and only the others Auto-Submitted (RFC 3834 §5).
func ContentOf(h *batch.Head, c policy.Channel) Content {
	content := Content{
		From: h.From, ReplyTo: h.ReplyTo, Subject: h.Subject, HTML: h.HTML, Text: h.Text, Body: h.Body, Headers: h.Headers, Vars: h.Vars,
		Marketing: h.Class == policy.Marketing, Auto: h.Class != policy.Marketing,
	}
	if c == policy.SMS && content.Body == "" {
		content.Body = h.Text
	}
	if c == policy.Email && content.HTML == "" && content.Text == "" {
		content.Text = h.Body
		if content.Subject == "" {
			content.Subject = "Message from " + h.Tenant
		}
	}
	content.ListID, content.FeedbackID = listID(h), feedbackID(h)
	return content
}

// listID names the topic's list under the sender's domain, one a topic (RFC 2919 §2): <weekly.example.com>. "" without a topic.
func listID(h *batch.Head) string {
	from, err := parseMailbox(h.From)
	if err != nil || h.Topic == "" {
		return ""
	}
	domain := from.address[strings.LastIndexByte(from.address, '@')+1:]
	return "<" + identifier(strings.ReplaceAll(h.Topic, "/", ".")) + "." + strings.ToLower(domain) + ">"
}

// feedbackID tells complaint rates apart by topic, class and, in the sender id of 5 to 15 characters that stays the same, tenant. It names
// no recipient, and no two of its fields are alike.
func feedbackID(h *batch.Head) string {
	topic := h.Topic
	if topic == "" {
		topic = "all"
	}
	sender := identifier("heed-" + h.Tenant)
	return identifier(topic) + ":" + h.Class.String() + ":" + sender[:min(len(sender), 15)]
}

// identifier makes a name fit for structured headers: what is no letter, digit, dot or hyphen becomes a hyphen.
func identifier(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 && (letter(byte(r)) || digit(byte(r)) || r == '.') && r != '_' {
			return r
		}
		return '-'
	}, strings.ToLower(s))
}
