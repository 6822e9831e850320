package app

import (
	"akin/internal/seal"
	"akin/internal/share"
	"akin/internal/store"
)

// openShares gives feeds secret addresses, where the server knows the address under which
// it is reached.
func (a *App) openShares(s *store.Store) error {
	path := a.config.secretFile()
	if a.config.PublicURL == "" || path == "" {
		return nil
	}
	secrets, err := seal.OpenExisting(path)
	if err != nil && s.Writable() == nil {
		secrets, err = seal.Open(path)
	}
	if err != nil {
		return err
	}
	a.server.ShareFeeds(share.New(s.DB(), s.Moved, secrets), a.config.PublicURL)
	return nil
}
