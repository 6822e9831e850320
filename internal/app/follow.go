package app

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"akin/internal/engine"
	"akin/internal/follow"
	"akin/internal/follow/register"
	"akin/internal/librarian"
	"akin/internal/library"
	"akin/internal/source"
	"akin/internal/source/zotero"
	"akin/internal/store"
)

// Following says what libraries may follow. The zero value of a field means its default.
type Following struct {
	// ZoteroURL is the address of the server that speaks Zotero's Web API; empty means
	// zotero.DefaultURL.
	ZoteroURL string
	// ZoteroKeys are files with an API key each, by the owner of the libraries that are
	// followed with it.
	ZoteroKeys map[string]string
	// Files are directories whose files an owner's libraries may follow.
	Files map[string]string
	// Random gives numbers from 0 up to 1; nil is the system's.
	Random func() float64
}

// zoteroTimeout bounds one request.
const zoteroTimeout = 2 * time.Minute

// Check reports all that is wrong with what may be followed.
func (f *Following) faults() (errs []error) {
	if _, err := zotero.CheckURL(f.ZoteroURL); err != nil {
		errs = append(errs, Fault{"zotero-url", err.Error()})
	}
	for setting, paths := range map[string]map[string]string{"zotero-key-file": f.ZoteroKeys, "library-files": f.Files} {
		for _, owner := range slices.Sorted(maps.Keys(paths)) {
			if err := library.CheckOwner("its owner", owner); err != nil {
				errs = append(errs, Fault{setting, fmt.Sprintf("is wrong: %v", err)})
			}
			if paths[owner] == "" {
				errs = append(errs, Fault{setting, fmt.Sprintf("names no path for %q; write OWNER=PATH", owner)})
			}
		}
	}
	return errs
}

// zoteroClient makes the client that asks the server of Zotero: as sources are asked, and
// through the proxy of the environment where the configuration names none.
func (c Config) zoteroClient() *http.Client {
	address, err := url.Parse(cmp.Or(c.Following.ZoteroURL, zotero.DefaultURL))
	if err != nil {
		address = new(url.URL) // which was checked
	}
	s := c.sources()
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: address}); err == nil && proxy != nil && s.Proxy == "" {
		s.Proxy = proxy.String()
	}
	return source.Client(s, address.Hostname(), zoteroTimeout)
}

// openFollower makes what brings libraries up to date with what they follow. Where the
// server listens, it does so by itself; otherwise when it is asked to.
func (a *App) openFollower(s *store.Store, e *engine.Engine, b *librarian.Librarian) error {
	c := a.config.Following
	client, err := zotero.New(c.ZoteroURL, a.config.zoteroClient(), "akin/"+a.config.Version)
	if err != nil {
		return err
	}
	files := follow.Files{}
	for owner, dir := range c.Files {
		if dir, err = filepath.Abs(dir); err != nil {
			return fmt.Errorf("--library-files: %w", err)
		}
		files[owner] = []string{dir}
	}
	f := follow.New(follow.Config{
		Shelves: register.New(s.DB(), s.Moved), Libraries: b.Libraries, Papers: b, Collections: e, Zotero: client,
		Keys: follow.Keys(c.ZoteroKeys), Files: files, Random: c.Random, Log: a.log,
	})
	a.onClose(f.Close)
	a.server.FollowWith(f)
	if (a.config.GRPCAddr == "" && a.config.HTTPAddr == "") || s.Writable() != nil {
		return nil //nolint:nilerr // what cannot be written is not brought up to date by itself
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Run(ctx) //nolint:errcheck // it ends with ctx
	}()
	a.onClose(func() error {
		cancel()
		<-done
		return nil
	})
	return nil
}
