package httpapi

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/batchjson"
	"heed/gateway/internal/catalog"
	"heed/gateway/internal/intake"
	"heed/gateway/internal/queue"
	"heed/gateway/internal/transfer"

	"github.com/go-json-experiment/json"
)

// kind is one row of the error table: every answer that is not a success has its code from here or from an intake.Fault.
type kind struct {
	code   string
	status int
	title  string
	help   string // what the caller changes; the text of /problems/{code}
}

// kinds is the one error table. It gives the status of each code, the pages under /problems/ and the codes of openapi.yaml.
var kinds = []kind{
	{"bad_request", 400, "The request cannot be read", "Send well-formed HTTP/1.1: one header block, one length, no repeated Authorization, Content-Type, Content-Encoding, Idempotency-Key or Host."},
	{"body_truncated", 400, "The body ended early", "The connection closed before the announced body was complete. Nothing of it was kept. Send it again."},
	{"bad_encoding", 400, "The compressed body cannot be read", "Send a complete gzip (RFC 1952) or zstd (RFC 8878) stream, or leave Content-Encoding out."},
	{"digest_mismatch", 400, "The body is not the one its digest names", "Compute Content-Digest (RFC 9530, sha-256) over the bytes as they go over the wire, after compression."},
	{"digest_required", 400, "A long stream with an Idempotency-Key needs a digest", "Send Content-Digest: sha-256=:...: (RFC 9530), or leave Idempotency-Key out and give each recipient a client_ref."},
	{"invalid_parameter", 400, "A query parameter or header cannot be used", "See errors for its name and what it may be. Unknown and repeated parameters are refused, so that a slip such as dryrun=1 sends nothing."},
	{"unauthorized", 401, "An API key is needed", "Send Authorization: Bearer heed_... with a key that is neither expired nor revoked."},
	{"insufficient_scope", 403, "The API key may not do this", "Use a key with one of the scopes that the detail names."},
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
	{"rate_limited", 429, "Too many calls at once", "Wait as long as Retry-After says, and keep fewer calls open with one key."},
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
var kindOf = func() map[string]kind {
	m := make(map[string]kind, len(kinds))
	for _, k := range kinds {
		m[k.code] = k
	}
	return m
}()

// fault names one place of the request that is wrong.
type fault struct {
	Pointer   string `json:"pointer,omitempty"`   // RFC 6901; of an NDJSON body within the line
	Line      int    `json:"line,omitzero"`       // of an NDJSON body, from 1
	Parameter string `json:"parameter,omitempty"` // query parameter or header
	Code      string `json:"code"`
	Detail    string `json:"detail"`
}

// problem is a refusal: an error that knows its answer. cause goes to the log, never to the client.
type problem struct {
	status     int
	code       string
	detail     string
	faults     []fault
	retryAfter time.Duration
	allow      string // of a 405
	cause      error
}

func (p *problem) Error() string { return p.code + ": " + p.detail }

func refuse(code, detail string) *problem {
	return &problem{status: kindOf[code].status, code: code, detail: detail}
}

// refuseAt names the place in the body.
func refuseAt(pointer, code, detail string) *problem {
	p := refuse(code, detail)
	p.faults = []fault{{Pointer: pointer, Code: code, Detail: detail}}
	return p
}

// refuseParameter names a query parameter or header.
func refuseParameter(name, detail string) *problem {
	p := refuse("invalid_parameter", detail)
	p.faults = []fault{{Parameter: name, Code: "invalid_parameter", Detail: detail}}
	return p
}

// problemOf gives the answer for any error of a handler. What is not foreseen is the gateway's trouble, not the caller's: a 503,
// since no handler returns a bare error after it has changed anything.
func problemOf(err error) *problem {
	var p *problem
	var f *intake.Fault
	var b *batchjson.Error
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &f):
		return fromFault(f)
	case errors.As(err, &b):
		return fromBody(b)
	case errors.Is(err, batch.ErrID), errors.Is(err, queue.ErrNotFound), errors.Is(err, catalog.ErrNotFound), errors.Is(err, transfer.ErrNotFound):
		return refuse("not_found", "There is nothing with this id.")
	case errors.Is(err, transfer.ErrTooLarge):
		return refuse("body_too_large", "The file is too large; split it.")
	case errors.Is(err, transfer.ErrFormat):
		return refuse("invalid", "The file is not one of this format; see the parameter format.")
	case errors.Is(err, catalog.ErrInvalid):
		return refuseAt("", "invalid", err.Error())
	}
	p = refuse("unavailable", "Nothing was accepted; try again later.")
	p.retryAfter, p.cause = 5*time.Second, err
	return p
}

func fromFault(f *intake.Fault) *problem {
	p := &problem{status: f.Status, code: f.Code, detail: f.Detail, cause: f.Cause}
	for _, e := range f.Errors {
		p.faults = append(p.faults, fault{Pointer: e.Pointer, Line: e.Line, Code: e.Code, Detail: e.Detail})
	}
	if p.faults == nil && f.Status < 500 && (f.Pointer != "" || f.Status == http.StatusUnprocessableEntity) {
		p.faults = []fault{{Pointer: f.Pointer, Code: f.Code, Detail: f.Detail}}
	}
	switch f.Status {
	case http.StatusConflict, http.StatusTooManyRequests:
		p.retryAfter = time.Second
	case http.StatusServiceUnavailable, http.StatusInsufficientStorage:
		p.retryAfter = 5 * time.Second
	}
	return p
}

func fromBody(b *batchjson.Error) *problem {
	p := refuse(b.Code, b.Detail)
	if p.status == 0 {
		p.status = http.StatusUnprocessableEntity
	}
	p.faults = []fault{{Pointer: b.Pointer, Line: b.Line, Code: b.Code, Detail: b.Detail}}
	return p
}

// kind is the table's row for the problem. Parts below may know finer codes than the table does; their type is the row for the status.
func (p *problem) kind() kind {
	if k, ok := kindOf[p.code]; ok {
		return k
	}
	switch {
	case p.status == http.StatusForbidden:
		return kindOf["insufficient_scope"]
	case p.status == http.StatusConflict:
		return kindOf["conflict"]
	case p.status < 500:
		return kindOf["invalid"]
	}
	return kindOf["unavailable"]
}

// document is a problem on the wire, RFC 9457.
type document struct {
	Type     string  `json:"type"`
	Title    string  `json:"title"`
	Status   int     `json:"status"`
	Detail   string  `json:"detail,omitempty"`
	Instance string  `json:"instance"`
	Code     string  `json:"code"`
	Errors   []fault `json:"errors,omitempty"`
}

// write puts the problem into the response.
func (p *problem) write(c *call) {
	k := p.kind()
	body, err := json.Marshal(document{
		Type: c.server.o.PublicURL + "/problems/" + k.code, Title: k.title, Status: p.status, Detail: p.detail,
		Instance: c.requestID, Code: p.code, Errors: p.faults,
	})
	if err != nil { // only text of ours that is not UTF-8 could do it
		body = []byte(`{"type":"about:blank","title":"A fault of ours","status":500,"code":"internal"}`)
	}
	h := &c.ctx.Response.Header
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.retryAfter+time.Second-1)/time.Second)))
	}
	if p.allow != "" {
		h.Set("Allow", p.allow)
	}
	c.respond(p.status, "application/problem+json", body)
}
