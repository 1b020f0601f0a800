package intake

import (
	"maps"
	"net/http"
)

// Codes gives the HTTP status of each Fault.Code that is intake's own. Beside them a Fault may have a code of message.Fault's, or, in a call
// with one recipient, that recipient's: both are 422. The front's table of errors has a text for each. The map is the caller's.
func Codes() map[string]int { return maps.Clone(statusOf) }

var statusOf = map[string]int{
	"scope_missing":      http.StatusForbidden,
	"sender_not_allowed": http.StatusForbidden,

	"idempotency_in_progress": http.StatusConflict,

	"idempotency_key_reused": http.StatusUnprocessableEntity,
	"missing":                http.StatusUnprocessableEntity,
	"no_public_url":          http.StatusUnprocessableEntity,
	"too_long":               http.StatusUnprocessableEntity,
	"too_many":               http.StatusUnprocessableEntity,
	"too_many_variables":     http.StatusUnprocessableEntity,
	"unknown_channel":        http.StatusUnprocessableEntity,
	"unknown_class":          http.StatusUnprocessableEntity,
	"unknown_topic":          http.StatusUnprocessableEntity,
	"invalid_topic":          http.StatusUnprocessableEntity,
	"topic_archived":         http.StatusUnprocessableEntity,
	"unknown_template":       http.StatusUnprocessableEntity,
	"template_required":      http.StatusUnprocessableEntity,
	"template_not_approved":  http.StatusUnprocessableEntity,
	"template_channel":       http.StatusUnprocessableEntity,
	"template_class":         http.StatusUnprocessableEntity,
	"content_and_template":   http.StatusUnprocessableEntity,
	"invalid_content":        http.StatusUnprocessableEntity,
	"invalid_time":           http.StatusUnprocessableEntity,
	"too_far_ahead":          http.StatusUnprocessableEntity,
	"already_expired":        http.StatusUnprocessableEntity,
	"invalid_recipients":     http.StatusUnprocessableEntity,

	"no_room":             http.StatusServiceUnavailable,
	"queue_unavailable":   http.StatusServiceUnavailable,
	"list_unavailable":    http.StatusServiceUnavailable,
	"catalog_unavailable": http.StatusServiceUnavailable,
}
