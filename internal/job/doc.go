// Package job turns files of papers into files of vectors: the batch job for
// whole corpora.
//
// # Duty
//
// [Run] reads papers, looks each text up in a [Cache], embeds what is not there
// and writes every row in the order of the input. What is embedded goes into
// the cache at once and is synced every few seconds; that is the checkpoint. A
// run that was interrupted, by whatever, is run again: it reads its input from
// the beginning, which is fast, finds what is done, which is not embedded
// again, and writes the same bytes as a run that was never interrupted. The
// same holds for a run over a corpus that has grown since.
//
// Texts are handed to the embedder in order of length within a window of rows,
// since texts of equal length run together; rows are written in order all the
// same.
//
// # Concurrency
//
// Run uses goroutines of its own and joins them. A Cache may be used by the
// goroutines of one run; a lock keeps other processes out.
//
// # Caveats
//
// Memory is bounded by the windows under way and by the cache's table of 8 to
// 16 bytes a text, which is mapped from a scratch file, so that the system can
// take it back. The cache takes 4 bytes a dimension and 32 bytes a text on disk.
package job
