// Package store keeps papers, their vectors and a log of their changes on
// disk, through package kv. It is the truth that every index is derived from.
//
// # Duty
//
// A collection is a named set of papers in one embedding space. [Store.Apply]
// changes it by groups: a group is one atomic, synced write, so that what was
// acknowledged survives kill -9 and a power cut, and what was not is there
// whole or not at all. Every paper has a durable ordinal, which indexes share,
// and every change has a sequence number of its collection, which derived
// files are saved with and caught up from. They are saved with
// [Snapshot.Point], too, and only believed if [Store.Holds] it: a sequence
// alone does not tell another store, or an older copy that was put back.
//
// The bytes are described in docs/format/store.md, the reasons in
// docs/adr/0002-store.md.
//
// # Ordinals
//
// An ordinal is given when an id that the collection does not hold is
// upserted; the numbers are 0, 1, 2, … in that order. A paper keeps its ordinal
// through every update. It is never given again: not after the paper is
// deleted, and not when the same id comes back, which gets a new one. The
// counter is written with the group that spends it; a group that was lost
// before it was acknowledged has spent nothing.
//
// # Concurrency
//
// A Store and a Snapshot are safe for concurrent use. Groups are applied one
// after another; who waits can give up through its context. Reads never wait
// for a write: each sees the last acknowledged state, whole, never a group
// that is still on its way to the disk. Reads that must agree with each other
// go through one [Snapshot]. Close waits for calls under way, and iterations
// end early with [ErrClosed]. Goroutines are those of package kv; Close joins
// them all.
//
// # Failed writes
//
// The first write that the disk refuses (no space, an I/O error) puts a fence
// around the directory: nothing more is written, the group gets an error, and
// the store is read-only with [ErrReadOnly] until it is opened again. Readers
// keep the last acknowledged state. The group that failed may be there after
// the next opening, whole, or not; everything acknowledged is. What cannot be
// read of it is an error of [Open], which says what is missing; see package kv.
//
// # Caveats
//
// Deleting a paper removes its text, vector and id mapping at once for every
// reader; the change log keeps the bare id until [Store.TrimChanges]. On disk
// the bytes go when Pebble compacts the files that hold them, at the latest
// with [Store.Compact]. The names of ids may stay in Pebble's manifest, which
// lists the first and last key of its files, for as long as it is kept.
//
// The store does not merge: reading a record, changing it and applying it is
// the caller's to serialise.
package store
