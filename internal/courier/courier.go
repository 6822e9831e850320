// Package courier has the use cases of feeds that need papers: it makes feeds and
// calibrates them, follows the changes of collections and matches every new or changed
// paper against all feeds, keeps what matched, shows what a feed would have found, and
// hands items to whoever watches. What needs feeds alone is in package feed, and what
// matching means in package match.
//
// # Concurrency
//
// A Courier is safe for concurrent use. One goroutine, Run, matches: it follows the change
// log of each collection that has feeds, from the change that was matched last, which is
// kept with what was found in one durable step. A stop, or a kill, at any time loses
// nothing and sends nothing twice.
//
// # Caveats
//
// Of a paper that changes several times in a short while only the last state may be
// matched. A paper that is deleted before it is looked at matches nothing.
package courier

import (
	"context"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	"akin/internal/catalog"
	"akin/internal/engine"
	"akin/internal/feed"
	"akin/internal/library"
	"akin/internal/paper"
)

// Papers reads papers and texts as queries do.
type Papers interface {
	// QueryVector is engine.Engine.QueryVector.
	QueryVector(ctx context.Context, collection, text string) ([]float32, error)
	// Identify is engine.Engine.Identify.
	Identify(ctx context.Context, collection string, names []string) ([]string, error)
	// Evidence is engine.Engine.Evidence.
	Evidence(ctx context.Context, collection string, of engine.Speaking, ids []string) ([][]engine.Evidence, error)
}

// Libraries reads the libraries of owners.
type Libraries interface {
	// Get is library.Libraries.Get.
	Get(ctx context.Context, owner, name string) (library.Library, error)
	// Entries is library.Libraries.Entries.
	Entries(ctx context.Context, owner, name string) (library.Library, []library.Entry, error)
}

// Options say how to work. The zero value means the defaults.
type Options struct {
	Log *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Look is how often libraries of feeds are looked at for changes; 0 means 30 seconds.
	Look time.Duration
}

// Courier has the use cases. Those of feed.Feeds are among them, but where they are about
// papers.
type Courier struct {
	*feed.Feeds
	ledger    feed.Ledger
	catalog   catalog.Catalog
	papers    Papers
	libraries Libraries
	log       *slog.Logger
	now       func() time.Time
	look      time.Duration

	mu sync.Mutex // guards what follows
	// followed is up to where each collection with feeds was matched and kept.
	followed map[string]uint64
	// pending are the feeds that were made, changed or deleted since the matcher last
	// looked; nil for a deleted one.
	pending map[uint32]*feed.State
	// wake is closed, and made anew, when there is something to do beside changes of
	// papers.
	wake chan struct{}
	// watched are closed when a feed has a new item, or is gone, by its id.
	watched map[uint32]chan struct{}
	// watching counts those who watch, by owner; "" is all.
	watching map[string]int
	// backgrounds are those of collections, by name.
	backgrounds map[string]*background
}

// New makes a Courier over a ledger, which stays the caller's.
func New(ledger feed.Ledger, c catalog.Catalog, papers Papers, libraries Libraries, options Options) *Courier {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.Look == 0 {
		options.Look = 30 * time.Second
	}
	return &Courier{
		Feeds: feed.New(ledger, options.Now), ledger: ledger, catalog: c, papers: papers, libraries: libraries,
		log: options.Log, now: options.Now, look: options.Look,
		followed: make(map[string]uint64), pending: make(map[uint32]*feed.State), wake: make(chan struct{}),
		watched: make(map[uint32]chan struct{}), watching: make(map[string]int), backgrounds: make(map[string]*background),
	}
}

// Followed gives up to which change a ledger's feeds have seen a collection, to be asked
// before there is a Courier as well: all, if there are none.
func Followed(ctx context.Context, ledger feed.Ledger, collection string) (uint64, error) {
	at := uint64(math.MaxUint64)
	err := ledger.Read(ctx, func(r feed.Reader) error {
		f, found, err := r.Following(collection)
		if found {
			at = f.Cursor
		}
		return err
	})
	return at, err
}

// stir wakes the matcher. The caller holds the lock.
func (c *Courier) stir() {
	close(c.wake)
	c.wake = make(chan struct{})
}

// changed tells the matcher of a feed; nil of one that is gone.
func (c *Courier) changed(id uint32, st *feed.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending[id] = st
	if st == nil {
		c.tell(id)
	}
	c.stir()
}

// tell wakes those who watch a feed. The caller holds the lock.
func (c *Courier) tell(id uint32) {
	if ch := c.watched[id]; ch != nil {
		close(ch)
		delete(c.watched, id)
	}
}

// Create makes a feed of the owner's: papers that come from now on are matched.
func (c *Courier) Create(ctx context.Context, owner string, f feed.Feed) (feed.State, error) {
	f.Owner = owner
	if err := c.Room(ctx, owner, f.Name); err != nil {
		return feed.State{}, named(err)
	}
	if err := c.complete(ctx, &f); err != nil {
		return feed.State{}, err
	}
	made, sequence, err := c.calibrateOne(ctx, &f, true)
	if err != nil {
		return feed.State{}, err
	}
	f.Since = sequence
	f, err = c.Feeds.Create(ctx, owner, f, made)
	if err != nil {
		return feed.State{}, err
	}
	return c.kept(ctx, f)
}

// named gives faults of a feed's name the field of requests that have a whole feed.
func named(err error) error {
	if paper.KindOf(err) == paper.Invalid {
		return feed.CheckName("feed.name", "")
	}
	return err
}

// kept reads a feed that was kept, and tells the matcher.
func (c *Courier) kept(ctx context.Context, f feed.Feed) (feed.State, error) {
	st, err := c.Get(ctx, f.Owner, f.Name)
	if err == nil {
		c.changed(f.ID, &st)
	}
	return st, err
}

// complete defaults and checks a feed, as far as it needs the collection for that.
func (c *Courier) complete(ctx context.Context, f *feed.Feed) error {
	if f.Query.Library != "" {
		l, err := c.libraries.Get(ctx, f.Owner, f.Query.Library)
		if err != nil {
			return err
		}
		if f.Collection == "" {
			f.Collection = l.Collection
		}
		if f.Collection != l.Collection {
			return paper.InvalidField("feed.collection", "is %q, and the papers of library %q are in %q; leave it out", f.Collection, l.Name, l.Collection)
		}
	}
	if err := f.Complete("feed"); err != nil {
		return err
	}
	names := []string{}
	if f.Query.PaperID != "" {
		names = append(names, f.Query.PaperID)
	}
	ids, err := c.papers.Identify(ctx, f.Collection, names)
	if err != nil || len(ids) == 0 {
		return err
	}
	if ids[0] == "" {
		return paper.MissingPaper(f.Query.PaperID)
	}
	f.Query.PaperID = ids[0]
	return nil
}

// Update lets change set what callers set of a feed. Items that there are stay.
func (c *Courier) Update(ctx context.Context, owner, name string, change func(*feed.Feed)) (feed.State, error) {
	before, err := c.Get(ctx, owner, name)
	if err != nil {
		return feed.State{}, err
	}
	f := before.Feed
	f.Query.Authors = slices.Clone(f.Query.Authors)
	change(&f)
	f.ID, f.Owner, f.Name, f.Collection, f.Since, f.CreateTime = before.ID, owner, name, before.Collection, before.Since, before.CreateTime
	if err := c.complete(ctx, &f); err != nil {
		return feed.State{}, err
	}
	if f.SameMatching(&before.Feed) && f.Filter == before.Filter && f.MaxPerDay == before.MaxPerDay && f.DisplayName == before.DisplayName {
		return before, nil
	}
	var made *feed.Calibration
	switch {
	case !f.SameMatching(&before.Feed):
		made, _, err = c.calibrateOne(ctx, &f, true)
	case f.Filter != before.Filter:
		_, err = compile(f, &before.Calibration)
	}
	if err != nil {
		return feed.State{}, err
	}
	if f, err = c.Feeds.Update(ctx, before.Feed, f, made); err != nil {
		return feed.State{}, err
	}
	return c.kept(ctx, f)
}

// Delete erases a feed and all that it found.
func (c *Courier) Delete(ctx context.Context, owner, name string) error {
	st, err := c.Get(ctx, owner, name)
	if err != nil {
		return err
	}
	if err := c.Feeds.Delete(ctx, owner, name); err != nil {
		return err
	}
	c.changed(st.ID, nil)
	return nil
}
