package follow

import (
	"context"
	"iter"
	"time"

	"akin/internal/library"
)

// Shelves keep bindings, together with libraries, so that one step changes both. They
// know nothing of the rules.
type Shelves interface {
	// Follow calls fn with one acknowledged state. What fn gets holds until it returns.
	Follow(ctx context.Context, fn func(Reader) error) error
	// Change calls fn, one after the other, and makes what it changed durable, all or
	// nothing, before it returns. If fn fails, nothing is changed. What fn reads is the
	// state before its own changes.
	Change(ctx context.Context, fn func(Writer) error) error
}

// Reader is one state of bindings and libraries.
type Reader interface {
	library.Reader
	Bindings
	Sides
}

// Bindings tells which bindings there are.
type Bindings interface {
	// Bindings gives all, in order of their libraries' IDs. Those that are damaged are
	// left out, and the error, of kind paper.DataLoss, is that of the first; the others are
	// given all the same.
	Bindings() ([]Binding, error)
	// Binding gives that of a library.
	Binding(libraryID uint32) (b Binding, found bool, err error)
	// Rest is until when a server asked for rest; zero if it did not.
	Rest(host string) (time.Time, error)
}

// Sides tells what is known of the other side of a binding.
type Sides interface {
	// Items iterates over its entries in order of key, Gifts over what they gave in order
	// of paper. After an error they end.
	Items(libraryID uint32) iter.Seq2[Item, error]
	Gifts(libraryID uint32) iter.Seq2[library.Gift, error]
}

// Writer changes bindings and libraries.
type Writer interface {
	Reader
	library.Keeper
	library.Filler
	Binder
	Filler
}

// Binder changes which bindings there are.
type Binder interface {
	PutBinding(b *Binding) error
	// RemoveBinding forgets a binding and its other side.
	RemoveBinding(libraryID uint32) error
	PutRest(host string, until time.Time) error
}

// Filler changes what is known of another side.
type Filler interface {
	PutItem(libraryID uint32, i *Item) error
	RemoveItem(libraryID uint32, key string) error
	PutGift(libraryID uint32, g *library.Gift) error
	RemoveGift(libraryID uint32, paperID string) error
}
