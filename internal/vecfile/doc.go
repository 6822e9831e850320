// Package vecfile writes and reads files of papers and their vectors, for other
// programs and for akin itself.
//
// # Duty
//
// A [Set] writes the same rows to several files at once: NumPy arrays, fvecs,
// Parquet and JSON Lines. Every file takes its name only when all are whole. A
// [Manifest] beside them says which embedding space the vectors belong to. The
// bytes depend on the rows alone: no time, no host, no order of a map.
//
// [Open] reads vectors back for an import.
//
// # Concurrency
//
// A Set and a Vectors belong to one goroutine each.
//
// # Caveats
//
// ids.txt has one id a line; an id cannot hold a line break (paper.ValidateID),
// so the line number is the row number.
package vecfile
