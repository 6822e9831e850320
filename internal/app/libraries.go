package app

import (
	"context"

	"akin/internal/engine"
	"akin/internal/feed/ledger"
	"akin/internal/follow/register"
	"akin/internal/librarian"
	"akin/internal/library"
	"akin/internal/library/shelf"
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
		{Prefixes: ledger.Prefixes(), Verify: ledger.Verify},
		{Prefixes: logbook.Prefixes(), Verify: logbook.Verify},
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
