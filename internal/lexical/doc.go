// Package lexical finds papers by the words of their titles and abstracts,
// ranked by BM25 (Robertson and Zaragoza, The probabilistic relevance framework:
// BM25 and beyond, 2009).
//
// # Duty
//
// [Index] keeps the papers of a collection under the ordinals that the store
// gives them. [Index.View] gives it as it is at one moment, which answers queries:
// [View.Read] reads one, typed with a syntax or pasted without; [Reading.Search]
// answers it; [Reading.Score] gives what other lists have found its lexical score;
// [Reading.Matches] says why a paper is there. [View.Vector] gives a paper's tf-idf
// vector. [Analyse] is how texts become terms.
//
// # Guarantees
//
// An answer depends on the live papers alone, not on the segments they lie in
// nor on the time at which background merges run: statistics count exactly the
// live papers, contributions are rounded to whole numbers, whose sum has no
// order, and equal scores are in the order of ordinals. (A prefix alone may also
// stand for a word that only a deleted paper had, if its stem lives on.) Skipping
// never changes the first K: a test compares it with scoring everything, bit for
// bit.
//
// # Concurrency
//
// All methods of Index, View and Reading may be called from any goroutine. Changes
// are made one at a time; every 4,096th of them builds a segment and takes tens of
// milliseconds. A view is segments that never change and the length that the
// growing one had, deletions in sets that are copied when they change, and counts
// of terms in pages that are copied when they change. Its answers don't change, and
// take no lock but for a few hundred look-ups at a time in what still grows: the
// vocabulary, and the growing segment's lists. So no query makes a change wait, nor
// a change that waits another query. [Index.Publish] says which moment
// [Index.Published] gives, for changes that belong together. One goroutine of the
// index merges segments; Close ends it.
//
// What a query may ask for is limited ([MaxQuotations] and what stands beside it),
// and every loop over papers looks at the context.
//
// # Caveats
//
// An Index is derived data: what Save writes may be deleted, and damaged files
// are refused. Stemming is for English; other languages are found by their exact
// words, and what is written in scripts without spaces (unify.Unspaced) by pairs of
// letters, each of which is found alone as well. What a deleted paper said stays in
// memory until its segment is merged, which [Index.Purge] brings about, and its words
// stay in the vocabulary until the index is opened again: Save leaves out those that no
// live paper has.
package lexical
