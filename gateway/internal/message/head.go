package message

import (
	"strings"

	"heed/gateway/internal/batch"
	"heed/suppression/policy"
)

// ContentOf is what a batch says on a channel: its own, or the one it reroutes to. A batch for mail that goes out as a text says its Body, or
// its Text for want of one; acceptance and hand-off compile the same content.
func ContentOf(h *batch.Head, c policy.Channel) Content {
	content := Content{
		From: h.From, ReplyTo: h.ReplyTo, Subject: h.Subject, HTML: h.HTML, Text: h.Text, Body: h.Body,
		Headers: h.Headers, Vars: h.Vars,
		Marketing: h.Class == policy.Marketing,
		Auto:      h.Class != policy.Marketing, // RFC 3834 §5
	}
	if c == policy.SMS && content.Body == "" {
		content.Body = h.Text
	}
	if c == policy.Email && content.Text == "" && content.HTML == "" {
		content.Text = h.Body
	}
	content.ListID, content.FeedbackID = listID(h), feedbackID(h)
	return content
}

// listID names the topic's list under the sender's domain, one a topic (RFC 2919).
func listID(h *batch.Head) string {
	domain := domainOf(h.From)
	if h.Topic == "" || domain == "" {
		return ""
	}
	label := strings.NewReplacer("/", ".", "_", "-").Replace(h.Topic)
	return "<" + label + "." + domain + ">"
}

// feedbackID tells complaint rates apart by topic, class and tenant; the sender id comes last and stays the same.
func feedbackID(h *batch.Head) string {
	topic := h.Topic
	if topic == "" {
		topic = "all"
	}
	sender := "heed-" + h.Tenant // 5 to 15 characters
	return topic + ":" + h.Class.String() + ":" + h.Tenant + ":" + sender[:min(len(sender), 15)]
}

// domainOf returns the domain of "Name <local@domain>", or "".
func domainOf(from string) string {
	_, domain, found := strings.Cut(from[max(strings.LastIndexByte(from, '@'), 0):], "@")
	if !found {
		return ""
	}
	return strings.ToLower(strings.TrimRight(domain, "> \t"))
}
