// Package ingest reads files of papers, one paper at a time, and keeps the rows
// that it had to refuse.
//
// It recognises a file by its content, never by its name, looks through
// compression, archives and the encodings of text, and gives every paper with the
// file and line it came from. A value that cannot be read costs itself (Row.Unread,
// counted in [Notes]), never the paper. A bad
// row costs that row alone: it comes back as a *RejectedError with its line,
// the reason and its bytes, for a [Quarantine], and reading goes on. What is
// wrong with a file as a whole (it is missing, damaged, or of no known format)
// is an error of a kind from package paper that names the file.
//
// Formats are rows of one table (see format.go): a name, a test on the first
// bytes, and a constructor. A new format is a new row and a type with one
// method. Papers that a source takes back are rows too (Row.Deleted). Papers
// of Semantic Scholar and their abstracts come in different files, which
// [Papers] joins. [OAIPage] reads OAI-PMH from the network as well.
//
// A value that a paper can do without never fails: readers note it with
// unread.leave or unread.date and hand what they noted to completed. Schemas have
// the flex types for values that sources write in several types. Whatever libraries
// for Parquet, Arrow and Excel do with a damaged file, their panics included, comes
// back as a sentence.
//
// Every reader hands its papers to completed, which takes markup out of their
// text (package text) and gives identifiers their bare form (package paper); that
// of BibTeX, whose text is TeX, to finished.
//
// The same paper gets the same id from every source that knows its identifier
// of arXiv or, else, its DOI: "arXiv:2112.09118", "doi:10.1234/x". Semantic
// Scholar, OpenAlex and repositories have numbers of their own, by which they
// delete: "s2:12", "openalex:W12", and the identifier of OAI-PMH.
//
// Concurrency: a [Reader] belongs to one goroutine; any number of readers may
// run side by side. A [Quarantine] may be shared.
//
// Caveats:
//   - Memory is bounded by MaxLineBytes, not by the size of a file: a longer
//     line, element or reference is a rejected row of which only the beginning
//     is kept. A join sorts in 32 MiB and temporary files; Parquet, Arrow,
//     Excel and zip that are compressed as a whole or come from a pipe are copied
//     to one (TMPDIR). Parquet and Arrow may hold a gigabyte of a row group, Excel
//     the packed workbook of up to 512 MiB.
//   - An encoding is guessed at the first bytes that are no ASCII, from up to
//     64 KiB from there on; most guesses are Windows-1252, and all are said.
//   - The rows of a delete file of Semantic Scholar do not say whether they are
//     about papers or abstracts; they are taken for papers.
//   - A context is looked at between reads; a read that hangs (a pipe that
//     nobody writes to) is not interrupted.
//   - A listing that was cut off exactly after a full sentence cannot be told
//     from a whole one, and lines that are known furniture of a feed page
//     (such as "Subscribe") are never taken for titles.
//   - JSON escapes that stand for half a surrogate pair become U+FFFD, as
//     everywhere in Go.
package ingest
