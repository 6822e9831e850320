// Package anntest tests what claims to be an ann.Index.
//
// Duty: [Run] is the contract that every implementation meets, less what its
// [Subject] lists as refused; [Recall] measures one index against another; the
// rest makes or loads vectors.
//
// Concurrency: the functions may be used from parallel tests.
//
// Caveats: [Abstracts] reads a file that is not part of the repository, and
// skips the test where there is none.
package anntest
