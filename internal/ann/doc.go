// Package ann finds the vectors nearest to a vector: an exact scan, a graph and
// an adapter behind one interface.
//
// # Duty
//
// An [Index] maps ordinals (the durable numbers of papers; they may be sparse)
// to unit vectors of one dimension and answers "which K are nearest by cosine",
// optionally among the ordinals that a filter keeps. It holds no papers and knows
// no spaces; the store is the truth that it is built from.
//
//   - [Exact] compares the query with every vector: by int8 codes first, and in
//     full what a bound of their error leaves, so that nothing is missed.
//     [NewPlain] makes one that compares all in full, which the others are
//     measured against.
//   - [Graph] is the default: a hierarchical navigable small world graph of our
//     own over flat memory, with deletes, replacement, filters, repair, insertion
//     by several goroutines and a file (docs/format/graph.md). It walks on int8
//     codes and compares in full what it found.
//   - [Coder] adapts github.com/coder/hnsw as the baseline. See
//     docs/adr/0003-index.md for why it is not the default.
//
// # Guarantees
//
//   - Results come best first; equal scores come in the order of ordinals.
//   - No ordinal that was deleted before a search began is in its result, and a
//     search during an upsert of an ordinal sees its old vector or its new one.
//   - Exact and Graph, given the same calls in the same order, hold the same
//     state and give the same answers, bit for bit, on the same kind of CPU. So
//     does UpsertMany, with any number of workers. On another kind of CPU a Graph
//     with codes has the same links, and scores may differ in their last bits.
//   - Every live vector of a Graph can be reached by its search ([Graph.Check]
//     audits that), and what deletes leave behind is bounded.
//   - Bad input (dimension, NaN, zero vector, K, efSearch) is an error with a
//     kind, a field and a sentinel; it changes nothing.
//
// # Concurrency
//
// All methods of all implementations may be called from any goroutine. Writers
// wait for each other. Readers of a Graph wait for a writer only while it puts
// finished links in place, not while it looks for them, makes room or saves.
//
// # Caveats
//
// Vectors must have length 1 within 1e-4; they are not normalised here, so that
// the caller's bits stay the caller's. A nil pointer in [Query].Keep is a
// filter, not the absence of one. Searches stop soon after their context is
// done, but a search that waits for a writer waits without looking at it.
package ann
