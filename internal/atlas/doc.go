// Package atlas keeps the maps of collections: which paper is where, in two dimensions
// (package layout makes them).
//
// # Duty
//
// A map is made in the background when it is asked for first, and kept beside the
// collection's indexes where the catalog keeps what is derived (catalog.Derived).
// What comes, goes or changes afterwards is followed when the map is asked for again:
// new papers find their place among those that are there, which stay where they are,
// until a fifth of the map has changed; then it is made anew. The same papers with the
// same vectors are laid out the same, however they came in.
//
// A chart is what is shown of a map: the papers in the order of their places, with
// category, cluster, year and venue as codes.
//
// # Concurrency
//
// An Atlas is safe for concurrent use. One map is worked on at a time, by goroutines
// that Close stops and joins; between pieces of work of some milliseconds they step back
// while calls are answered. Charts never change.
//
// # Caveats
//
// A map has layout.MaxPapers papers at most; of larger collections those whose ids a lot
// draws, always the same. Memory is about 150 bytes a paper for a chart, of which the
// most recently asked for are kept, and that of a map's making while one is made.
package atlas
