// Package sendertest tries Senders: Run is the conformance suite that every one of them passes; SMTPPeer and HTTPPeer are peers that behave
// as a short script tells them, badly if need be. For tests only. Peers listen on loopback and end with the test.
package sendertest
