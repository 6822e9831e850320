// Package monthtest runs sources, feeds and digests together, over the real store and
// engine, for a month that takes seconds: sources that fail, refuse and repeat themselves,
// a mail server that does so too, clocks that change, and power cuts. What readers got in
// the end is held against a plain model. It has tests alone.
//
// # Concurrency
//
// Each month is a bubble of testing/synctest, in which time passes when nothing is to do.
//
// # Caveats
//
// A seed gives the same weather, but not the same order of what goes on at once.
package monthtest
