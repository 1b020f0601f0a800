// Package queue is the durable queue of accepted recipients, on Pebble. It knows bytes, not messages: packed
// segments in, leases out, results in synced groups.
//
// # What it promises
//
// Append and Stage.Commit return nil when the whole batch is on stable storage, in one synced write; before that nothing of the
// batch can be leased or asked for, and after a crash it is there whole or not at all. Every accepted recipient ends in exactly one final
// state: a recipient is in at most one hand at a time, a result is taken only for a recipient in that hand, and a final state is never
// left. Results handed in with Record are on stable storage at most Options.ResultDelay and one synced write later; while
// Options.MaxUnsynced of them are not, Record waits, so a slow disk slows those who send. Leases live in memory alone: what was in hand
// when the process died is leased again, so a recipient can be tried twice only if the process died between the try and its result's
// sync: what was in hand, and at most MaxUnsynced results and the rest of the call that reached it.
//
// The first write that fails ends everything: Options.Trouble is told once, Append, Lease and Record answer the same error from
// then on, and so nothing is sent whose result could not be kept. Only a new process goes on. A failure on one of Pebble's own
// goroutines panics with a clear text instead, after Trouble has been told.
//
// It does not promise an order of delivery beyond the one package ready describes, and it does not keep payloads in memory: they are read
// at lease time.
//
// # How a batch goes
//
//	Append ─▶ batch, payloads, headers ───────────┐                   ┌─▶ results   while some recipients are open
//	Stage  ─▶ payloads, headers ─ Commit: batch ──┴▶ Lease ─▶ Record ─┤
//	                                                                  └─▶ outcome, in place of header and results, with the last of them
//	                                                                      └─▶ retention: batch, payloads and outcomes of neighbours fall in one range
//
// Package format draws what lies where in the one Pebble store. Open reads headers and results alone, from a low-water mark on, never a payload.
// Retries have no space of their own: their time is part of the result, and memory keeps 16 bytes for each (decisions/0010). A batch stays whole, with
// all that became of it, until Options.Retention after its last recipient became final; then it is dropped in ranges, and no scan ever walks over what
// was dropped. Package live is what memory holds of all that is not finished, ready says whose turn it is, and watch lies between Pebble and the disk.
//
// # Memory
//
// A live segment with a batch of its own costs about 800 bytes, 300 of them the segment's; once some of it was leased or decided at acceptance a
// byte a recipient more; a retry 16 bytes more. 10 million queued recipients in 10,000 batches of 1,000 hold 8 MB (measured), or 18 MB when every
// segment has been touched.
//
// Everything here may be called from many goroutines, except Stage, which is for one.
//
// Sources: the README's promises P2 and P3; RFC 1047 for why the window of duplicates cannot be closed; Pebble's docs and commit.go
// for what a synced commit covers.
package queue
