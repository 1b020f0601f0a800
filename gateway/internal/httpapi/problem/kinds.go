package problem

import "slices"

// Kind is one row of the error table: every answer that is not a success has its code from here or from an intake.Fault.
type Kind struct {
	Code   string
	Status int
	Title  string
	Help   string // what the caller changes; the text of /problems/{code}
}

// kinds is the one error table. It gives the status of each code, the pages under /problems/ and the codes of openapi.yaml.
var kinds = []Kind{
	{"bad_request", 400, "The request cannot be read", "Send well-formed HTTP/1.1: one header block, one length, no repeated Authorization, Content-Type, Content-Encoding, Idempotency-Key or Host."},
	{"body_truncated", 400, "The body ended early", "The connection closed before the announced body was complete. Nothing of it was kept. Send it again."},
	{"bad_encoding", 400, "The compressed body cannot be read", "Send a complete gzip (RFC 1952) or zstd (RFC 8878) stream, or leave Content-Encoding out."},
	{"digest_mismatch", 400, "The body is not the one its digest names", "Compute Content-Digest (RFC 9530, sha-256) over the bytes as they go over the wire, after compression."},
	{"digest_required", 400, "A long stream with an Idempotency-Key needs a digest", "Send Content-Digest: sha-256=:...: (RFC 9530), or leave Idempotency-Key out and give each recipient a client_ref."},
	{"invalid_parameter", 400, "A query parameter or header cannot be used", "See errors for its name and what it may be. Unknown and repeated parameters are refused, so that a slip such as dryrun=1 sends nothing."},
	{"unauthorized", 401, "An API key is needed", "Send Authorization: Bearer heed_... with a key that is neither expired nor revoked."},
	{"insufficient_scope", 403, "The API key may not do this", "Use a key with one of the scopes that the detail names."},
	{"shared_list", 403, "Several tenants share this gateway", "A row of the list does not tell its tenant, so the whole of it is shown where there is one tenant only. Look addresses up one by one, or have the operator export the list on the machine."},
	{"not_found", 404, "Nothing is here", "Check the id and the path. What belongs to another tenant is not found."},
	{"method_not_allowed", 405, "The method does not fit the path", "Use one of the methods that the Allow header names."},
	{"request_timeout", 408, "The body came too slowly", "Send at least 1 KiB a second. Nothing of the body was kept."},
	{"conflict", 409, "The state does not allow this", "A cancelled batch stays cancelled. Start a new batch."},
	{"body_too_large", 413, "The body is too large", "Send less at once, or NDJSON to POST /v1/batches, which has no limit."},
	{"compression_ratio", 413, "The compressed body grows too much", "A compressed body may grow to 200 times its size. Send it with less compression or none."},
	{"unsupported_media_type", 415, "The Content-Type or Content-Encoding is not one of ours", "Send application/json, or application/x-ndjson where a stream is taken; gzip, zstd or no encoding."},
	{"syntax", 422, "The body is not the JSON we need", "Send one JSON value as RFC 8259 has it. See errors for the place."},
	{"duplicate_key", 422, "A member stands there twice", "Name each member of an object once."},
	{"unknown_key", 422, "A member is not known", "Remove the member, or check its spelling; names are case-sensitive."},
	{"wrong_type", 422, "A value has the wrong type", "See errors for the place and the type."},
	{"invalid_utf8", 422, "The body is not UTF-8", "Encode the body as UTF-8 without byte order mark; escape lone surrogates away."},
	{"too_deep", 422, "The body is nested too deeply", "No body here needs more than 16 levels."},
	{"too_many", 422, "The body holds too many elements", "Send fewer in one call, or NDJSON where it is taken."},
	{"too_long", 422, "A value is too long", "See errors for the place."},
	{"missing", 422, "A member is missing", "See errors for its name."},
	{"invalid", 422, "A value cannot be used", "See errors for the place and what it may be."},
	{"idempotency_key_reused", 422, "The Idempotency-Key came with another call", "Use a fresh key for each new call; repeat a call exactly to get its recorded answer."},
	{"idempotency_in_progress", 409, "The first call with this Idempotency-Key still runs", "Try again after Retry-After to get its answer."},
	{"scope_missing", 403, "The API key may not send this class", "Use a key with the scope send:<class>."},
	{"sender_not_allowed", 403, "The tenant may not use this sender", "Use a sender of yours, or have the operator allow it."},
	{"unknown_channel", 422, "The channel is not known", "Use email or sms."},
	{"unknown_class", 422, "The class is not known", "Use marketing, transactional, service or mandatory."},
	{"unknown_topic", 422, "The topic is not declared", "Declare it first: POST /v1/topics."},
	{"no_public_url", 422, "Marketing mail needs a working unsubscribe link", "Have the operator set public.url, the address that recipients reach the gateway at."},
	{"missing_link", 422, "The content has no unsubscribe link to show", "Remove {{unsubscribe_url}}, or have the operator set public.url."},
	{"missing_variable", 422, "A variable has no value", "Add it to the recipient's vars, to the shared vars, or give it a default."},
	{"address_too_long", 422, "An address is too long", "An email address has at most 254 bytes (RFC 5321), a phone number 15 digits (E.164)."},
	{"fallback_channel", 422, "The fallback is on the same channel", "Name the other channel: email or sms."},
	{"bad_name", 422, "A name cannot be used", "See errors for the place and what a name may be."},
	{"header_forbidden", 422, "A header is not the caller's to set", "Beside X- headers, set Importance, Organization, In-Reply-To and References only."},
	{"header_duplicate", 422, "A header is given twice", "Leave one of them."},
	{"invalid_topic", 422, "The topic cannot be used", "See the detail for what a topic's id may be."},
	{"topic_archived", 422, "The topic is archived", "Choose another topic. Nobody who left this one is forgotten."},
	{"unknown_template", 422, "There is no such template", "Create it first: POST /v1/templates; name it as id or id@version."},
	{"template_channel", 422, "The template is for another channel", "Use a template of the batch's channel."},
	{"template_class", 422, "The template is for another class", "Use a template of the batch's class."},
	{"template_not_approved", 422, "The template's version is not approved", "Have an admin approve it: POST /v1/templates/{id}/versions/{n}/approve."},
	{"template_required", 422, "This class needs an approved template", "Send template_id; service and mandatory messages are never free text."},
	{"template_syntax", 422, "The content's {{...}} cannot be read", "See the detail for line and column."},
	{"content_and_template", 422, "Content and template stand together", "Send either a template_id or the content; vars go with both."},
	{"invalid_content", 422, "The content cannot be sent", "See errors for the member and the reason."},
	{"control_character", 422, "A value holds a control character", "Remove CR, LF, NUL and other controls from values that go into headers."},
	{"address_syntax", 422, "An address cannot be read", "Send one address as RFC 5321 has it, or a sender as RFC 5322 has it."},
	{"invalid_time", 422, "A time cannot be read", "Write it as RFC 3339: 2026-11-21T20:00:00Z."},
	{"too_far_ahead", 422, "A time lies too far ahead", "send_at may be 365 days ahead, expires_at 730."},
	{"already_expired", 422, "The batch would expire before it is sent", "expires_at must lie after now and after send_at."},
	{"too_many_variables", 422, "The content asks for too many variables", "Give defaults, or shared vars."},
	{"invalid_recipients", 422, "Some recipients are invalid, and validation is strict", "See errors; nothing was queued. Without validation=strict the others are taken."},
	{"rate_limited", 429, "Too many calls at once", "Wait as long as Retry-After says, and keep fewer or smaller calls open with one key."},
	{"header_too_large", 431, "The header is too large", "Keep the request line and all headers within 8 KiB."},
	{"internal", 500, "A fault of ours", "The request id leads the operator to the cause. It is safe to try again with the same Idempotency-Key."},
	{"unavailable", 503, "The gateway cannot keep its promises right now", "Nothing was accepted. Try again after Retry-After; the operator finds the cause in the log."},
	{"catalog_unavailable", 503, "Topics and templates cannot be read", "Nothing was accepted. Try again after Retry-After."},
	{"list_unavailable", 503, "The suppression list cannot answer", "Nothing was accepted: without the list nothing is sent. Try again after Retry-After."},
	{"queue_unavailable", 503, "The queue cannot take the call", "Nothing was accepted. Try again after Retry-After."},
	{"no_room", 503, "The disk is almost full", "Nothing was accepted. Opt-outs are still taken. Try again after Retry-After."},
	{"busy", 503, "The gateway is full", "Nothing was accepted. Try again after Retry-After."},
}

// kindOf is the table by code.
var kindOf = func() map[string]Kind {
	m := make(map[string]Kind, len(kinds))
	for _, k := range kinds {
		m[k.Code] = k
	}
	return m
}()

// Kinds is the table. The slice is the caller's.
func Kinds() []Kind { return slices.Clone(kinds) }

// KindOf finds a code in the table.
func KindOf(code string) (k Kind, ok bool) {
	k, ok = kindOf[code]
	return k, ok
}

// Page is what the type of a problem points to: plain text that says what to change.
func (k Kind) Page() []byte { return []byte(k.Title + "\n\nCode: " + k.Code + "\n\n" + k.Help + "\n") }
