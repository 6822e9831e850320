// Package kv keeps keys and values on disk with Pebble, made safe to lose. It
// is what the rooms that keep something durable stand on, and the only package
// that sees Pebble.
//
// # Duty
//
// [Open] takes a data directory for this process. [DB.Commit] writes a [Batch]:
// one atomic, synced write, so that what was acknowledged survives kill -9 and
// a power cut, and what was not is there whole or not at all. Reads go through
// a [Snapshot], which is always an acknowledged state. Values are sealed with
// [Seal], so that damage is found wherever it came from.
//
// A database has a history: a random identity, a number for each commit, and an
// epoch for each opening that wrote something. A [Point] names a place of it.
// What is derived from a snapshot carries the snapshot's point, and
// [DB.Holds] says later whether that is in the past of the database that is
// there then: not if it is another one, an older copy that was put back, or one
// that lost its end, also after it went on.
//
// A high-water mark beside Pebble's files says what was acknowledged, and how
// far the logs and the manifest were synced, so that an end that is missing is
// an error that says what is gone (see mark.go, tail.go and loss.go). Tables
// are compared with their checksums in the background after the opening.
//
// [DB.Checkpoint], [VerifyCheckpoint] and [Restore] copy a database and put a
// copy back; [AcceptLoss] gives up what is missing of a damaged one.
//
// A [Witness] keeps each commit in another place as well, before it is acknowledged;
// internal/home is one.
//
// The bytes are described in docs/format/store.md, the reasons in
// docs/adr/0002-store.md and docs/adr/0014-history.md.
//
// # Concurrency
//
// A DB and its Snapshots are safe for concurrent use; a Batch is not. Commits
// are made one after another by who has the writer's turn ([DB.Begin]), whose
// waiting can be given up through its context. Reads never wait for a write.
// Close waits for calls under way. A DB owns Pebble's background goroutines,
// one goroutine for each commit and one that checks the tables; Close joins
// them all.
//
// # Failed writes
//
// The first write that the disk refuses (no space, an I/O error) puts a fence
// around the directory: nothing more is written, the commit gets an error, and
// the database is read-only with [ErrReadOnly] until it is opened again. Readers
// keep the last acknowledged state. See fence.go for how Pebble, which would end
// the process, is kept from doing so. There is no way back but to open the directory
// again: Pebble believes that what was dropped is on disk, readers hold its snapshots,
// and whether the commit that failed is there is only known after its recovery, when
// whatever was derived must be caught up anyway. A directory that takes no writes when it
// is opened is opened for reading; [DB.Writable] says so.
//
// # Caveats
//
// A commit costs two syncs: of Pebble's log, and of the mark. The commit that
// failed may be there after the next opening, whole, or not.
package kv
