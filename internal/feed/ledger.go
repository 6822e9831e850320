package feed

import (
	"context"
	"iter"
)

// Ledger keeps feeds. It knows nothing of the rules: of names, limits, times.
type Ledger interface {
	// Read calls fn with one acknowledged state. What fn gets holds until it returns.
	Read(ctx context.Context, fn func(Reader) error) error
	// Write calls fn, one after the other, and makes what it changed durable, all or
	// nothing, before it returns. If fn fails, nothing is changed. What fn reads is the
	// state before its own changes. An fn that changes nothing costs no write.
	Write(ctx context.Context, fn func(Writer) error) error
}

// Reader is one state of all feeds.
type Reader interface {
	Index
	Contents
	States
}

// Index tells which feeds there are.
type Index interface {
	// Feeds gives those of an owner in order of name; of "", those of all owners, each
	// owner's together.
	Feeds(owner string) ([]Feed, error)
	// Feed gives one; found is false if there is none.
	Feed(owner, name string) (f Feed, found bool, err error)
	// Count tells how many feeds there are, of all owners.
	Count() (int, error)
}

// Contents tells what feeds have found.
type Contents interface {
	// Items iterates over the items of a feed behind a cursor, in order of cursor, or, if
	// newest is set, over those before it, the newest first, where 0 is behind all. After
	// an error it ends.
	Items(id uint32, cursor uint64, newest bool) iter.Seq2[Item, error]
	// Seen says under which cursor a paper is an item; found is false if it is none.
	Seen(id uint32, paperID string) (cursor uint64, found bool, err error)
}

// States tells how far feeds are.
type States interface {
	// Progress gives that of a feed; the zero value for one that has none.
	Progress(id uint32) (Progress, error)
	// Calibration gives that of a feed; found is false if there is none.
	Calibration(id uint32) (c Calibration, found bool, err error)
	// Following gives that of a collection; found is false if there is none.
	Following(collection string) (f Following, found bool, err error)
}

// Writer changes feeds.
type Writer interface {
	Reader
	Keeper
	Filler
	Noter
}

// Keeper changes which feeds there are.
type Keeper interface {
	// PutFeed keeps a feed under its owner and name. One without an ID gets one, which no
	// other had or will have.
	PutFeed(f *Feed) error
	// RemoveFeed forgets what is kept under an owner and a name, but nothing of its id.
	RemoveFeed(owner, name string) error
}

// Filler changes what is kept under the ids of feeds.
type Filler interface {
	// PutItem keeps an item under its cursor and its paper.
	PutItem(id uint32, it *Item) error
	// RemoveItem forgets an item.
	RemoveItem(id uint32, it *Item) error
	// Clear removes all items of a feed, its progress and its calibration, before
	// anything that is put after it.
	Clear(id uint32) error
}

// Noter changes how far feeds are.
type Noter interface {
	PutProgress(id uint32, p *Progress) error
	PutCalibration(id uint32, c *Calibration) error
	// PutFollowing keeps how far a collection was matched; nil forgets it.
	PutFollowing(collection string, f *Following) error
}
