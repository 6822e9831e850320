// Package text takes the markup of its sources out of the text of a paper, so
// that what is embedded, searched and shown is what a reader would see.
//
// [Clean] is for text of any source: tags and entities of HTML, JATS and
// MathML go, and so do commands of TeX that are surely commands; signs that
// mean something in prose (<, >, &, ~, --, braces) stay. [CleanTeX] is for text
// that is written for TeX as a whole, as BibTeX is: there braces, ties and
// dashes are markup too. Both leave formulas between dollars as they are, since
// readers and models know them in that form.
//
// Clean is idempotent: what it gave it gives again, so that papers which akin
// exported come back unchanged. CleanTeX is not, and cannot be, for its result
// is no longer TeX: \{x\} becomes {x}.
//
// Concurrency: all functions are pure and may be called from any goroutine.
//
// Caveats:
//   - An element whose end tag is missing is taken for prose ("a<b"), unless the
//     text begins with it.
//   - Markup nested in markup more than maxPasses deep is left.
package text
