// Package smtprelay hands mail to one SMTP relay over a bounded pool of persistent connections.
//
// It promises: nothing but the message's envelope and body reaches the wire, whatever stands in the message; every phase of
// the dialogue ends within its own timeout and every reply within 64 KiB; a message is reported accepted only on the relay's
// 2yz after the final dot, and Unknown if the link broke between the two (RFC 1047). It does not queue, pace, repeat or choose
// relays, with one exception: a kept connection found dead before MAIL was accepted is replaced once.
//
// A *Relay is safe for concurrent use. It starts no goroutine of its own that outlives Close.
//
// # What each failure becomes
//
//   - refused before any byte is sent: bad address (5.1.3, sender 5.1.7), bad body (5.6.0), 8-bit body or UTF-8 address that the peer does
//     not take (5.6.3, 5.6.7): Permanent
//   - no connection, TLS or AUTH; a refusing greeting or EHLO; 530, 534, 535 and 538 at any phase (RFC 4954 §6: it is we who
//     must log in); a link broken or silent before the final dot; ctx over: Unavailable
//   - 421 with 4.7.x at any phase (rate, reputation, too many connections): Throttled; any other 421: Unavailable
//   - other 4yz after the greeting: Temporary; other 5yz: Permanent (RFC 5321 §4.2.1)
//   - anything but a whole 2yz, 4yz or 5yz reply after the final dot: Unknown
//
// Code is the peer's enhanced code where it has one that agrees with its reply (RFC 2034 §4), else one derived from the reply.
//
// Sources: RFC 5321, RFC 3207 (STARTTLS), RFC 4954 (AUTH), RFC 6152 (8BITMIME), RFC 6531 (SMTPUTF8), RFC 3463 (codes).
package smtprelay
