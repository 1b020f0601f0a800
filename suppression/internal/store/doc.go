// Package store keeps the suppression rows on disk: the only part of the list that imports Pebble.
//
// It promises that what Commit has acknowledged is there after any crash, that the rows of a key come out the same
// in whatever order and however often their changes went in, and that anything it cannot read is an error, never
// "no rows". It does not know what a reason means, nor the filter.
//
// Three keyspaces lie in one Pebble database, told apart by the first byte of the key:
//
//	'r' key(16)            rows of an address: a set of entries, merged by Pebble (see Entry)
//	'j' position(8, BE)    journal: the changes of that position, in the form they were merged
//	'm' name               format, store id, fingerprint of the secret
//
// The journal is contiguous, and its last record is never removed, so the last position needs no record of its own.
//
// Open founds a store only where nothing speaks of an older one (see checkPresence). It reads the logs before Pebble does: damage to what was acknowledged is refused, and only the last write, which may be
// torn, is given up (see findDamage).
//
// After the first failed write or the first damage seen, the store is dead: every later call returns that error, because
// a failed fsync cannot be retried into a success. Only a new process may try again.
//
// Safe for concurrent use, but for Close. Sources: the observed-remove set (Shapiro et al., "A comprehensive study of
// Convergent and Commutative Replicated Data Types", 2011, §3.3.5), with positions instead of unique tags.
package store
