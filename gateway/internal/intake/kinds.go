package intake

import "net/http"

// Kind is a row of the table of refusals, for the front's own table and for the documentation.
type Kind struct {
	Code   string // Fault.Code
	Status int    // Fault.Status
	Help   string // what the caller changes
}

// Kinds is the table of refusals: every Fault has a code from here, or one of message.Fault's (422), or one of those that tell a recipient's
// fault in a call with one recipient (422). The slice is the caller's.
func Kinds() []Kind { return append([]Kind(nil), kinds...) }

var kinds = []Kind{
	{"scope_missing", http.StatusForbidden, "Use an API key with the scope that the detail names, or another class."},
	{"sender_not_allowed", http.StatusForbidden, "Send from an address that the operator has released for your tenant."},
	{"idempotency_in_progress", http.StatusConflict, "Wait for the first call to end; then this one gets its answer."},
	{"idempotency_key_reused", http.StatusUnprocessableEntity, "Use a fresh Idempotency-Key for each new call."},
	{"missing", http.StatusUnprocessableEntity, "Add the member that the pointer names."},
	{"too_long", http.StatusUnprocessableEntity, "Shorten the member that the pointer names."},
	{"too_many", http.StatusUnprocessableEntity, "Send fewer of what the pointer names."},
	{"too_many_variables", http.StatusUnprocessableEntity, "Give variables a default or a shared value, so that a recipient needs at most 64."},
	{"unknown_channel", http.StatusUnprocessableEntity, "Channels are email and sms."},
	{"unknown_class", http.StatusUnprocessableEntity, "Classes are marketing, transactional, service and mandatory; without one a message is marketing."},
	{"unknown_topic", http.StatusUnprocessableEntity, "Declare the topic: POST /v1/topics."},
	{"invalid_topic", http.StatusUnprocessableEntity, "A topic's id has 1 to 64 of a-z 0-9 . _ - and single slashes inside."},
	{"topic_archived", http.StatusUnprocessableEntity, "The topic was deleted. Choose another, or declare it again; those who left it have still left it."},
	{"unknown_template", http.StatusUnprocessableEntity, "Create the template: POST /v1/templates. Name a version as id@version."},
	{"template_required", http.StatusUnprocessableEntity, "Service and mandatory messages take their words from an approved template (template_id)."},
	{"template_not_approved", http.StatusUnprocessableEntity, "An admin approves a version of a template; then it can be sent."},
	{"template_channel", http.StatusUnprocessableEntity, "Use a template made for the batch's channel."},
	{"template_class", http.StatusUnprocessableEntity, "Use a template made for the batch's class."},
	{"content_and_template", http.StatusUnprocessableEntity, "Send either template_id or subject, html, text and body. vars go with both."},
	{"invalid_content", http.StatusUnprocessableEntity, "Change the content as the detail says."},
	{"invalid_time", http.StatusUnprocessableEntity, "Write times as RFC 3339: 2026-11-21T20:00:00Z."},
	{"too_far_ahead", http.StatusUnprocessableEntity, "send_at may be 365 days ahead, expires_at 730."},
	{"already_expired", http.StatusUnprocessableEntity, "expires_at must lie after now and after send_at."},
	{"invalid_recipients", http.StatusUnprocessableEntity, "Mend or leave out the recipients that errors names, or call without validation=strict."},
	{"no_room", http.StatusServiceUnavailable, "Nothing was accepted. Try again after Retry-After."},
	{"queue_full", http.StatusServiceUnavailable, "Nothing was accepted: the gateway's disk is nearly full. Try again after Retry-After."},
	{"queue_unavailable", http.StatusServiceUnavailable, "Nothing was accepted. Try again after Retry-After, with the same Idempotency-Key."},
	{"list_unavailable", http.StatusServiceUnavailable, "Nothing was accepted: without the suppression list nothing is sent. Try again after Retry-After."},
	{"catalog_unavailable", http.StatusServiceUnavailable, "Nothing was accepted. Try again after Retry-After."},
}

// statusOf is the table by code.
var statusOf = func() map[string]int {
	m := make(map[string]int, len(kinds))
	for _, k := range kinds {
		m[k.Code] = k.Status
	}
	return m
}()
