// Package policy is the decision table: given the suppression rows of an address and the message at hand, may the
// message go?
//
// It promises that every row that matches is weighed and the most restrictive wins (block > hold > defer > reroute >
// allow), whatever the order of the rows; that adding a row never loosens a verdict; and that no configuration can
// silence a required notice or revive a locked block. It does not look anything up, does not know the time beyond
// Query.Now, and does not evaluate the other channel: a reroute is a verdict on this channel, and the caller asks again
// for the other one, with the rows found there.
//
// What it cannot make sense of it blocks: an unknown class, channel or reason is a fault of ours or a row of a newer
// version, and never reads as "not suppressed".
//
// Topics form a tree by "/" : "news" covers "news" and "news/sport", not "newsletter".
//
// The package is pure: no I/O, no clock, no logs. All of it is safe for concurrent use; a Table never changes once made.
// The matrix stands in matrix.go, one line a situation, in the order of the reasons; docs/policy.md shows it to operators.
//
// Sources of the rows: CAN-SPAM (15 USC 7702, 7704; 16 CFR 316.3), TCPA (47 CFR 64.1200), CTIA Messaging Principles,
// GDPR Art. 17, 18, 21, CCPA (11 CCR 7025), PECR, RFC 8058.
package policy
