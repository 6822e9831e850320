// Package zotero reads what changed in a library of Zotero, of a person or a group, by
// the Web API, version 3.
//
// A Client asks one thing at a time and at most four a second, over all libraries; when
// the server asks for rest (Backoff, Retry-After), all of them rest. It follows no
// redirect, takes answers of bounded size alone, and sends the key of a library in a
// header, to the address that it was made with and to no other; the key is in none of
// its errors.
//
// Changes gives one state of a library: where it changes while its pages are read, they
// are read again. What is in the trash, or in none of the collections that are followed,
// is gone, as what was deleted is.
//
// A Client is safe for concurrent use: calls wait for each other.
package zotero
