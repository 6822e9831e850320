package app

import (
	"context"

	"akin/internal/catalog"
	"akin/internal/engine"
	"akin/internal/feed/ledger"
	"akin/internal/follow/register"
	"akin/internal/librarian"
	"akin/internal/library"
	"akin/internal/library/shelf"
	"akin/internal/notify/outbox"
	"akin/internal/share"
	"akin/internal/source/logbook"
	"akin/internal/store"
)

// beside are the rooms that keep something in the database of the store, beside the
// papers. Every opening of a store names them all, so that whatever is durable is
// verified, and is in snapshots with the store; what a room keeps that is not named here
// is reported as something that nobody writes.
func beside() []store.Beside {
	return []store.Beside{
		{Prefixes: shelf.Prefixes(), Verify: shelf.Verify},
		{Prefixes: register.Prefixes(), Verify: register.Verify},
		{Verify: share.Verify}, // under a prefix of register's
		{Prefixes: ledger.Prefixes(), Verify: ledger.Verify},
		{Prefixes: logbook.Prefixes(), Verify: logbook.Verify},
		{Prefixes: outbox.Prefixes(), Verify: outbox.Verify},
	}
}

// openLibraries makes what keeps libraries over a store, and erases those whose time to
// come back is over.
func (a *App) openLibraries(ctx context.Context, s *store.Store, e *engine.Engine) *librarian.Librarian {
	libraries := library.New(shelf.New(s.DB(), s.Moved), nil)
	if s.Writable() == nil {
		if err := libraries.Sweep(ctx); err != nil {
			a.log.Warn("deleted libraries whose time is over are not erased yet", "error", err)
		}
	}
	return librarian.New(libraries, e, nil)
}

// openBeside makes what is kept beside papers: libraries, what those follow, feeds,
// digests and sources.
func (a *App) openBeside(ctx context.Context, c catalog.Catalog, e *engine.Engine) error {
	if a.store != nil {
		libraries := a.openLibraries(ctx, a.store, e)
		a.server.KeepLibraries(libraries)
		if err := a.openFollower(a.store, e, libraries); err != nil {
			return err
		}
		feeds := a.openFeeds(ctx, a.store, c, e)
		a.server.KeepFeeds(feeds)
		if err := a.openShares(a.store); err != nil {
			return err
		}
		if err := a.openDigests(a.store, e, libraries, feeds); err != nil {
			return err
		}
	}
	return a.openSources(ctx, e)
}

// startBeside begins what goes on by itself. Sources are only fetched by a server that
// others can reach.
func (a *App) startBeside(listens bool) {
	if a.sources != nil && listens {
		a.sources.Start()
	}
	a.runDigests()
}
