package library

import (
	"context"
	"iter"
)

// Shelves keep libraries. They know nothing of the rules: of names, limits, times.
type Shelves interface {
	// Read calls fn with one acknowledged state. What fn gets holds until it returns.
	Read(ctx context.Context, fn func(Reader) error) error
	// Write calls fn, one after the other, and makes what it changed durable, all or
	// nothing, before it returns. If fn fails, nothing is changed. What fn reads is the
	// state before its own changes. An fn that changes nothing costs no write.
	Write(ctx context.Context, fn func(Writer) error) error
}

// Reader is one state of all libraries.
type Reader interface {
	Index
	Contents
}

// Index tells which libraries there are, the deleted among them.
type Index interface {
	// Libraries gives those of an owner in order of name; of "", those of all owners, each
	// owner's together.
	Libraries(owner string) ([]Library, error)
	// Library gives one; found is false if there is none.
	Library(owner, name string) (l Library, found bool, err error)
}

// Contents tells what is in libraries.
type Contents interface {
	// Entries iterates over the entries of a library in order of paper id. After an
	// error it ends.
	Entries(id uint32) iter.Seq2[Entry, error]
	// Entry gives one; found is false if there is none.
	Entry(id uint32, paperID string) (e Entry, found bool, err error)
}

// Writer changes libraries.
type Writer interface {
	Reader
	Keeper
	Filler
}

// Keeper changes which libraries there are.
type Keeper interface {
	// PutLibrary keeps a library under its owner and name. One without an ID gets one,
	// which no other had or will have.
	PutLibrary(l *Library) error
	// RemoveLibrary forgets what is kept under an owner and a name, but none of its
	// entries.
	RemoveLibrary(owner, name string) error
}

// Filler changes what is in libraries.
type Filler interface {
	PutEntry(id uint32, e *Entry) error
	RemoveEntry(id uint32, paperID string) error
	// Clear removes all entries of a library, before anything that is put after it.
	Clear(id uint32) error
}
