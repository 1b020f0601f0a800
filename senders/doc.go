// Package senders is the contract between a gateway and the providers that carry its messages: Message, Sender, Result
// and Error{Class}. Each provider has its own sub-package; sendertest holds the conformance suite.
package senders
