// Package weaviate is the catalog of a cluster: papers and vectors live in Weaviate,
// sharded and replicated, and any number of akin servers read them. It is the only room
// that speaks to Weaviate.
//
// # How it keeps the contract
//
// Weaviate has no transactions and no snapshots. This package makes both of single
// objects that are written and read by a quorum. A collection of akin is two classes: one
// has an object a paper, found by vector, words and attributes; the other has no index and
// holds a log of groups of changes, a head (sequence number and counts) after each, and the
// versions of papers that a group replaced. A group is written so:
//
//  1. the log says which papers the group changes, and which version each had;
//  2. the versions that will be replaced are copied;
//  3. the papers are replaced or deleted;
//  4. the next head is written. From here on the group is acknowledged.
//
// A view is the head that it read. After each question it looks whether the log has gone
// on. If so, it asks again without the papers that were changed since, and takes those
// from their copies. So an answer is of one moment, whichever server gives it, and a
// writer that dies between 1 and 4 leaves a group that the next one takes back.
//
// # Concurrency
//
// All methods may be called from any goroutine. One process writes to a collection. What
// it writes of log and heads is named by its epoch and written once, so that nothing of it
// can be overtaken; who takes over ends the epoch, which a writer looks for after it wrote
// what it will do, and before it acknowledges (see writer.go). Papers are replaced in their
// place: what comes late there is put back (see late.go).
//
// # Caveats
//
// Weaviate may store a paper and not put it into its graph of vectors; a writer looks for
// such papers after writes that did not go as they should, and, part by part, at all of
// them (see mend.go). Searches, lists and counts are answered by one replica of each
// shard. One that was down or cut off may lack what was acknowledged meanwhile until it has
// caught up; what names up to a hundred papers by their ids is read by a quorum, and does
// not. Scores of words are made of the statistics of one shard. Texts that were replaced or
// deleted stay in their copies for Config.Keep or Config.Late, whichever is longer. Filters
// that Weaviate cannot decide are refused with their column.
package weaviate
