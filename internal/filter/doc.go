// Package filter reads AIP-160 filter text into a typed predicate over papers
// and answers it with bitmaps of ordinals.
//
// # Duty
//
// [Parse] turns text such as
//
//	category = "cs.CL" AND date >= 2024-03 AND NOT author:Lovelace
//
// into a [Filter], or into an error that names the column and what was expected
// there. [Filter.Match] is the meaning of a filter: it decides one record.
// [Index] keeps the attributes of all papers of a collection in memory and
// compiles a filter to a bitmap without reading a record; what it does not keep
// (the words of titles and abstracts) it answers with a superset and says so.
// docs/filters.md describes the language.
//
// Tokens and escapes are those of go.einride.tech/aip/filtering. The grammar on
// top is read here, because that package's parser reports "unexpected trailing
// token WS" where a person needs a column and a remedy, and refuses dates and
// subject labels without quotes. A test holds that every text which that parser
// accepts has the same structure here.
//
// # Concurrency
//
// A Filter never changes; any number of goroutines may use it. All methods of
// Index may be called from any goroutine: readers do not wait for each other,
// writers are alone. A bitmap that Index returns belongs to the caller.
//
// # Caveats
//
// Values are equal as package unify makes them, words as it makes those of searches;
// words are not stemmed here. An Index is derived data: nothing of it is
// written to disk.
package filter
