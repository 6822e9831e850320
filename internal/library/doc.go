// Package library holds libraries: a person's named sets of liked, disliked and read
// papers, with notes and tags.
//
// Libraries has the use cases that need no papers: a library knows the ids of its
// papers, and nothing that they say, so that erasing a paper erases its text
// everywhere. What keeps libraries is behind Shelves, a small interface with a
// contract suite (librarytest); package shelf keeps them on disk. What needs papers as
// well (importing, exporting, finding what a library lacks) is in package librarian.
//
// Every call names an owner and sees nothing of another's. Each change is one durable
// step: it is there whole or not at all. Libraries is safe for concurrent use.
//
// Caveat: of a library, all entries are read to list some of them: at most MaxEntries,
// of at most MaxBytes together.
package library
