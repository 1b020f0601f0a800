// Package twilio hands texts to Twilio's Messages API, over twilio-go's CreateMessage and a transport of our own.
//
// It promises: one request a Send at most (no redirect, no repetition of anything that may have been read); a deadline on every call;
// answers read up to 64 KiB; Retry-After and the status kept; a text is reported accepted only with a message SID in a 2xx answer. Twilio has no
// idempotency key, so whatever may have reached it without a clear answer is Unknown. It does not pace, and does not judge what a code means for
// the address: 21610, 21211 and 21614 keep their Code so that the caller can suppress.
//
// A *Sender is safe for concurrent use.
//
// # What each answer becomes
//
//   - a code of the table in codes.go: the class there
//   - 2xx without a SID, 5xx, a link broken or silent after the request was begun: Unknown
//   - 429: Throttled (Twilio: not processed, safe to retry) · 408: Temporary (RFC 9110 §15.5.9)
//   - 3xx, 401, 403, 404, 407, no connection: Unavailable
//   - any other 4xx: Permanent
//
// Sources: Twilio's API reference and error dictionary as of November 2026; RFC 9110.
package twilio
