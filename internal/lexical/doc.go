// Package lexical finds papers by the words of their titles and abstracts,
// ranked by BM25 (Robertson and Zaragoza, The probabilistic relevance framework:
// BM25 and beyond, 2009).
//
// # Duty
//
// [Index] keeps the papers of a collection under the ordinals that the store
// gives them. [Index.Search] answers a query, typed with a syntax or pasted
// without; [Index.Score] gives what other lists have found its lexical score;
// [Index.MatchedTerms] says why a paper is there; [Index.Vector] gives a paper's
// tf-idf vector. [Analyse] is how texts become terms.
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
// All methods of Index may be called from any goroutine. Changes are made one at
// a time; every 4,096th of them builds a segment and takes tens of milliseconds.
// Searches take a snapshot and then run without locks, so that they wait
// for changes only while a finished paper is put in place. One goroutine of the
// index merges segments; Close ends it.
//
// # Caveats
//
// An Index is derived data: what Save writes may be deleted, and damaged files
// are refused. Stemming is for English; other languages are found by their exact
// words, Chinese, Japanese, Korean and Thai by pairs of characters, of which all but Thai are found alone as well. What a
// deleted paper said stays in memory until its segment is merged, which
// [Index.Purge] brings about, and its words stay in the vocabulary until the index
// is opened again: Save leaves out those that no live paper has.
package lexical
