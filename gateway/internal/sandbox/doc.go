// Package sandbox holds the dev mode's peers: Inbox, an SMTP server that takes every mail, and Phones, a simulator that speaks Twilio's API. Both
// keep what they took in bounded memory and show it over HTTP. They listen on the listeners given, which should be loopback: the
// inbox asks nobody who they are.
//
// They promise: every message answered with success is shown, in the order of arrival, until newer ones push it out; memory stays below the bounds
// given; a message costs constant time to keep and to find. Nothing is on disk. Safe for concurrent use.
//
// # What is shown
//
//	GET /messages?to=ADDR          JSON array of Message: those to that address (any letter case), oldest first
//	GET /messages?after=N&limit=M  {"count","dropped","messages","next"}: all after position N, at most M (1 to 10,000; 1,000 by default).
//	                               next is the position to go on from; count is what is kept, dropped what was pushed out
//	DELETE /messages               forgets them all
//	GET /                          a page of the newest 50, for people
//	GET /messages/ID               a page of one: fields, text and HTML decoded, the source folded. It runs no script, fetches nothing and
//	                               links to pages of loopback only
//
// In ADDR a "+" may stand for itself: an address that is not found is looked for again with "+" for each space.
//
// Sources: RFC 5321; RFC 5322, RFC 2045 to 2047 and RFC 2369 §2 (what a mail says); Twilio, Message resource and test credentials; 3GPP TS 23.038 §6.2.1.
package sandbox
