// Package syndicate writes lists of papers as Atom 1.0 (RFC 4287) and JSON Feed 1.1, and
// lists of feeds as OPML 2.0.
//
// What it writes is valid whatever papers say: characters that XML does not have are left
// out, text is escaped, every address is absolute, every feed names itself (rel=self),
// ids are URIs and unique, and a feed has an author where its entries have none. A feed
// has at most MaxBytes: the entries that do not fit, the last ones, are left out.
//
// Pure functions: the same list gives the same bytes.
package syndicate
