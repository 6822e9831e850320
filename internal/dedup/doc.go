// Package dedup tells which papers are versions of one work or have nearly the
// same text.
//
// # Duty
//
// [KeyOf] makes a small [Key] of a paper: its arXiv id without the version, its
// DOI and its title after folding, as hashes; who wrote it; and a MinHash
// signature of its text (Broder, On the resemblance and containment of
// documents, 1997). [Compare] decides on two keys, and [Group] on many: it goes
// through them in order and gives each one that is still free the later ones
// that match it.
//
// # Guarantees
//
// Keys depend on the paper alone, on every machine. Compare is symmetric. Group
// compares with the first of a group, so that a chain of small differences never
// joins two papers that differ much; one arXiv id or DOI is the same work,
// however long the chain. Its tables miss no pair that Compare accepts.
//
// # Concurrency
//
// All functions are pure and may be called from any goroutine.
//
// # Caveats
//
// A match by title or text needs the cosine of the two vectors as well, which the
// caller computes. docs/duplicates.md has what the thresholds were chosen by.
// Words, and what is one in scripts without spaces, are those of package unify.
package dedup
