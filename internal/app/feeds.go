package app

import (
	"context"

	"akin/internal/catalog"
	"akin/internal/courier"
	"akin/internal/engine"
	"akin/internal/feed/ledger"
	"akin/internal/library"
	"akin/internal/library/shelf"
	"akin/internal/store"
)

// followedBy gives up to which change feeds have seen a collection of a store, of which
// the change log keeps what comes after it.
func followedBy(s *store.Store) func(collection string) uint64 {
	kept := ledger.New(s.DB(), s.Moved)
	return func(collection string) uint64 {
		at, err := courier.Followed(context.Background(), kept, collection)
		if err != nil {
			return 0 // nothing is let go of until that can be read
		}
		return at
	}
}

// openFeeds makes what keeps feeds over a store, and matches papers until the App is
// closed, if the store takes writes.
func (a *App) openFeeds(ctx context.Context, s *store.Store, c catalog.Catalog, e *engine.Engine) *courier.Courier {
	feeds := courier.New(ledger.New(s.DB(), s.Moved), c, e, library.New(shelf.New(s.DB(), s.Moved), nil), courier.Options{Log: a.log})
	if s.Writable() != nil {
		return feeds
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- feeds.Run(ctx) }()
	a.onClose(func() error {
		stop()
		return <-done
	})
	return feeds
}
