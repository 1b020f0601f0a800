// Package suppression is the list of addresses that are not to be contacted, and why.
//
// It promises:
//
//   - Once Apply has returned nil, its changes are on stable storage, every later check sees them, and no hand-off
//     begins any more that has not seen them (P1; see List.Admit for the hand-offs under way).
//   - A check that answers "not suppressed" is right from the first moment after Open: while there is no filter, the
//     store answers (P5). What cannot be answered is an error, never "not suppressed".
//   - Order and repetition of changes do not matter: a key's rows are a merge of maxima over positions, and a Lift ends
//     only what was made at or before the position it had observed.
//   - Neither memory, disk nor errors hold an address: only keyed digests (P6).
//
// It does not know what a row means for a message: that is package policy. It does not log: turning points go to Events.
//
// A check costs one filter probe (package filter) and allocates nothing; a hit, and one key in a thousand by chance, is
// settled by Rows with one read. Changes of concurrent callers share one fsync. On disk there are two things in the list's
// folder: "rows", a Pebble database with rows and journal, and "filter", a copy of the filter that makes the next
// start fast and is rebuilt whenever there is any doubt about it.
//
// What it cannot see: the last Apply before a crash, or the group of concurrent ones that shared its fsync, looks in the log
// the same whether it was torn by the crash or damaged afterwards, and a log cut short or lost altogether looks like one that had no more.
// Damage to any other acknowledged change is refused by Open.
//
// All methods are safe for concurrent use, except Close. Source: the observed-remove set of Shapiro et al. (2011).
package suppression
