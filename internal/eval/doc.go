// Package eval measures how well rankings answer queries: it reads test
// collections and TREC runs, computes the usual retrieval metrics with
// trec_eval's semantics, says how sure one may be of a mean, and drives a
// searcher over a whole collection.
//
// Semantics follow trec_eval 9 (Buckley; https://github.com/usnistgov/trec_eval),
// which TestPythonTrecEval compares with, in all points but one:
//
//   - A list is ordered by score, highest first; scores that are equal as
//     float32 are ordered by id, in descending byte order. Ranks that a run
//     file states, and the order of its lines, are ignored.
//   - A paper is relevant from grade 1 (Options.RelevantFrom). A paper that
//     nobody judged, and one of negative grade, counts as not relevant but
//     keeps its rank.
//   - A mean is over the queries that are in both the run and the judgements;
//     with Options.Complete over all judged queries, where a missing one
//     counts 0 (trec_eval -c).
//   - The exception: a query without any relevant paper says nothing about a
//     ranking and is left out of the means (Report.WithoutRelevant lists it);
//     trec_eval counts it as 0, which lowers every system alike.
//
// Everything is deterministic for a given seed: sums run in the order of the
// query ids. Functions keep no state and are safe for concurrent use; values
// of this package are plain data, safe to read concurrently while nobody
// writes. Collections, runs and per-query values are held in memory.
package eval
