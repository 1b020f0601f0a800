// Package e2e holds the tests of the built binary over real sockets, played as its users would: a marketing system posts a campaign, people click and text
// STOP while it runs, the process is killed, and at the end the receiving side is asked who got what. It has no code of its own but tests.
package e2e
