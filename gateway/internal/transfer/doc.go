// Package transfer moves suppressions in and out: files of our own and of other senders become rows of the list, as jobs that
// survive a crash; the list becomes a file that can be read again.
//
// What it promises. An import only ever adds rows: it can revive nobody. A row of a file is in the list, or its line is in the
// job's rejects with the reason, never neither. A job that was interrupted at any moment goes on where its last checkpoint
// was; rows of the batch in hand are applied again, which changes nothing, and counted once. Memory is bounded by one batch and one row,
// whatever the file. No address is written to a log, an error or the rejects.
//
// What it does not promise. Files are not checked for being whole, except JSON documents, whose end can be seen. Rows of
// an export hold no address by design, so they can be read again only into a list with the same secret.
//
// Layers, each a file: window (bytes), csv, objects and members (rows), layout (whose columns mean what), sign (of another list), entry (one suppression),
// Reader (all of these), job (one import), room (what the disk may still take), Runner (all of them, one after the other), Export.
//
// A Reader is for one goroutine; a Runner is safe for concurrent use.
//
// Sources: RFC 4180 (CSV), RFC 8259 (JSON), the published export and API formats of SendGrid, Mailgun, Postmark and Amazon SES.
package transfer
