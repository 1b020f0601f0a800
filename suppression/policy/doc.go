// Package policy is the decision table: given the suppression rows of an address and the message
// at hand, may the message go? Pure: no I/O, no clock. Safe for concurrent use.
package policy
