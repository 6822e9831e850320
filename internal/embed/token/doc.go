// Package token turns text into the token ids that an embedding model was
// trained on.
//
// # Duty
//
// [Load] reads a Hugging Face tokenizer.json and returns a [Tokenizer], whose
// [Tokenizer.Encode] gives the ids that the reference implementation (Hugging
// Face tokenizers with encode_special_tokens on and padding off) gives for the
// same text. Text is data: a literal "[SEP]" in it stays ordinary text and can
// never become the model's separator.
//
// There are two ways to get there. For the BERT family (a WordPiece model,
// a BertNormalizer and a BertPreTokenizer) normalisation, splitting and
// WordPiece are this package's own and reproduce the reference id by id,
// offset by offset; [Tokenizer.Exact] is true. Every other kind of
// tokenizer is served by github.com/sugarme/tokenizer behind a guard that
// keeps its panics inside, and Exact is false: its ids are what that library
// makes of the text, and nobody has compared them with the reference.
//
// The text is read lazily, word by word: when [Options.MaxTokens] is set,
// reading stops soon after the cut, so that a text of many megabytes costs no
// more than its beginning.
//
// # Unicode
//
// The tables in unicode_tables.go say what the reference does with each code
// point. They were measured by calling it on all of them
// (testdata/reference/unicode_tables.py), and package unicode is deliberately not asked:
// the two disagree on several hundred code points, and a newer Go would move
// more of them, which would silently change the vectors of an existing
// embedding space. For the same reason exact tokenizers don't use
// golang.org/x/text/unicode/norm: its combining classes are newer than the
// reference's.
//
// # Bytes that are not UTF-8
//
// They never make an error. Each maximal invalid part counts as one U+FFFD, as
// in Python's bytes.decode("utf-8", "replace") and Rust's from_utf8_lossy.
// Offsets always count bytes of the text as it was given.
//
// # Concurrency
//
// A Tokenizer never changes after Load and may be used by any number of
// goroutines at once.
//
// # Caveats
//
//   - A special token whose literal form is a plain word of the vocabulary
//     would be produced by the reference for that word. Here it is not.
//   - A BERT-family tokenizer with added tokens that are not special, and
//     options of other families that sugarme is known to misread, are refused
//     by Load with [ErrUnsupported] instead of giving wrong ids.
//   - The offsets of an exact tokenizer are the reference's, except next to two
//     or more of the few combining marks that strip_accents leaves in a text
//     and that had to be put into canonical order.
//   - With a tokenizer that is not exact, a cut text is read only up to some
//     distance behind the cut. Where sugarme keeps a cache of words (BPE,
//     Unigram), the memory that it takes is not bounded by this package. And
//     sugarme calls log.Fatal in places, which no guard can catch; all that
//     were found are avoided by not using its normalizers.
package token
