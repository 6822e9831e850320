// Package match decides which papers match which feeds.
//
// # Duty
//
// [Compile] makes a [Rule] of a feed and its calibration; [Rule.Match] is what matching
// means: it holds one paper against one rule. [Set] holds many papers against many rules,
// and finds exactly what holding each against each would find (a test compares them): most
// pairs are ruled out by a bound that cannot be wrong, and what is left is decided by
// Rule.Match.
//
// [Background] is the papers that stand for a collection, and calibrates feeds by them.
//
// # The score
//
// A feed of text, a paper or a library scores a paper by the cosine of their vectors, by
// the words that they share (BM25 with the statistics of the calibration), or by both,
// standardised and weighed as a search does it, but with means and deviations that the
// calibration has frozen: a paper's score does not depend on what came with it, or since.
// The threshold is the score that a share of the background exceeds. docs/feeds.md has
// more.
//
// # Concurrency
//
// Rules and backgrounds never change and are safe for concurrent use. A Set belongs to
// one goroutine.
//
// # Caveats
//
// The numbers of terms hold as long as the catalog is open that gave them.
package match
