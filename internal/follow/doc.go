// Package follow has libraries that follow something elsewhere: a library of Zotero, or
// a file of references that changes on disk.
//
// A binding ties a library to what it follows. Each round asks what changed there, finds
// the papers that are meant in the library's collection, and changes the library in one
// durable step together with what is known of the other side: which entries it has, what
// each gave to the library (library.Gift), and up to which version that is so. What the
// collection does not have is kept as not found, and looked for again as the collection
// changes. Nothing is ever written to the other side.
//
// A Follower runs the rounds: by schedule (Run), or when asked (Sync). It is safe for
// concurrent use; of one binding, one round runs at a time. It owns its rounds: Close
// ends and joins them. What keeps bindings is behind Shelves, which has a contract suite
// (followtest); package register keeps them on disk.
//
// Caveats: of what is not found the title is kept, until it is found. A library that is
// deleted and can come back keeps its binding, which rests; one that is erased loses it.
package follow
