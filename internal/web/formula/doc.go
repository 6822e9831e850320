// Package formula finds the formulas of TeX in the text of a paper and turns them
// into MathML, which browsers show without a script.
//
// [Split] cuts a text into prose and formulas. What stands between dollars is a
// formula by pandoc's rule, so that "$50K to $40K" stays prose; \( \), \[ \] and
// $$ $$ are formulas too. A formula that cannot be read stays TeX.
//
// The markup comes from a library that lets markup of its input through, and writes
// attributes in another order each time. So nothing of what it writes is passed on:
// its output is parsed, and what an allow-list knows is written anew, escaped, with
// attributes in order. MathML from here is safe in a page, whatever the text says,
// and the same text gives the same bytes.
//
// Concurrency: a [Reader] is safe for concurrent use.
//
// Caveats: commands that the author defined elsewhere are not known; formulas beyond
// maxBytes, or nested deeper than maxDepth, stay TeX.
package formula
