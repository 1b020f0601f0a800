// Package senders is the contract between a gateway and the providers that carry its messages: Message, Sender, Result
// and Error{Class}. Each provider has its own sub-package (smtprelay, twilio); sendertest holds the conformance suite that every
// Sender passes, and the peers it is tried on.
//
// A Sender promises: what became of the message is told by a Result or by one of five classes of Error, never by text; the
// caller's Begin is asked with the connection in hand, so that a last check can still stop the message; no error or result
// contains the recipient's address. It does not queue, pace or repeat: that belongs to its caller.
//
// Sources: RFC 5321 §4.2.1 (replies), RFC 3463 (enhanced codes), RFC 1047 (outcomes that cannot be known).
package senders
