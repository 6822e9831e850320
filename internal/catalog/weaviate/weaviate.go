package weaviate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"akin/internal/catalog"
	"akin/internal/paper"
)

// Catalog is a catalog.Catalog. See the package's comment.
type Catalog struct {
	wire *wire

	mu          sync.Mutex // guards what follows
	collections map[string]*collection
}

// collection is a collection that the cluster has.
type collection struct {
	*wire
	name, papers, state string

	// found is the newest head that was found; nil before one was looked for.
	found   atomic.Pointer[head]
	writers writers

	writing sync.Mutex // one group at a time; guards what follows
	writer
	// dropped says that calls which waited meanwhile are too late: of this name there may
	// be another collection.
	dropped bool
}

// Open connects to a cluster. A writer creates the default collection, if it is not
// there; for a reader, it must be. Close ends the connections.
func Open(ctx context.Context, config Config) (*Catalog, error) {
	w, err := connect(config)
	if err != nil {
		return nil, err
	}
	c := &Catalog{wire: w, collections: make(map[string]*collection)}
	if err := c.open(ctx); err != nil {
		_ = w.close()
		return nil, err
	}
	return c, nil
}

// Stored is what a cluster has of the default collection.
type Stored struct {
	Space    paper.Space
	Papers   uint32
	Sequence uint64
	// Epoch is the greatest that wrote.
	Epoch uint64
	// Migration names what the collection is being filled from; "" once it is complete.
	Migration string
	// Migrated names what it was filled from.
	Migrated string
}

// Look says what a cluster has; nil if it has no default collection yet.
func Look(ctx context.Context, config Config) (_ *Stored, err error) {
	w, err := connect(config)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	c := &Catalog{wire: w, collections: make(map[string]*collection)}
	own, err := c.collection(ctx, paper.DefaultCollection)
	if paper.KindOf(err) == paper.NotFound {
		return nil, nil //nolint:nilnil // an empty cluster is no error
	}
	if err != nil {
		return nil, err
	}
	h, err := own.newest(ctx)
	if err != nil || h == nil {
		return nil, err
	}
	return &Stored{Space: h.Space, Papers: h.Papers, Sequence: h.Sequence, Epoch: h.Epoch, Migration: h.Migration, Migrated: h.Migrated}, nil
}

// Writable implements catalog.Gated.
func (c *Catalog) Writable(context.Context) error {
	if c.wire.config.Epoch == 0 {
		return c.wire.readsOnly()
	}
	return c.wire.fence()
}

func (c *Catalog) open(ctx context.Context) error {
	if err := c.wire.createClass(ctx, c.wire.listsClass()); err != nil {
		return err
	}
	c.wire.background(c.wire.sweep)
	if c.wire.config.Epoch > 0 {
		if c.wire.config.AuditEvery > 0 {
			c.wire.background(c.audits)
		}
		return c.CreateCollection(ctx, paper.DefaultCollection, c.wire.config.Space)
	}
	own, err := c.collection(ctx, paper.DefaultCollection)
	if err != nil {
		return err
	}
	return own.checkSpace(ctx, c.wire.config.Space)
}

// Close ends the connections. A second call does nothing worse.
func (c *Catalog) Close() error { return c.wire.close() }

// CreateCollection creates a collection, which is empty, or takes over one that is there
// and of the same space.
func (c *Catalog) CreateCollection(ctx context.Context, name string, space paper.Space) (err error) {
	if err := paper.ValidateCollection(name); err != nil {
		return err
	}
	c.mu.Lock()
	own := c.collections[name]
	c.mu.Unlock()
	if own == nil {
		own = c.keep(c.named(name)) // who writes to it meanwhile waits for the same writing
		defer func() { c.forget(own, err) }()
	}
	own.writing.Lock()
	defer own.writing.Unlock()
	if own.dropped {
		return own.unknown() // while this waited
	}
	if own.own != nil { // this process made it, or took it over
		h, err := own.ready(ctx)
		if err == nil {
			return sameSpace(h, space)
		}
		if paper.KindOf(err) != paper.NotFound {
			return err
		}
		own.writer = writer{} // of what is not there any more
	}
	for _, class := range []map[string]any{c.wire.papersClass(own.papers), c.wire.stateClass(own.state)} {
		if err := c.wire.createClass(ctx, class); err != nil {
			return err
		}
	}
	return own.takeOver(ctx, space)
}

// keep gives the collection of a name that calls share: the one that is known, or else own.
func (c *Catalog) keep(own *collection) *collection {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.collections[own.name] == nil {
		c.collections[own.name] = own
	}
	return c.collections[own.name]
}

// forget undoes keep where a collection could not be made.
func (c *Catalog) forget(own *collection, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && c.collections[own.name] == own {
		delete(c.collections, own.name)
	}
}

// DropCollection removes a collection with all its papers.
func (c *Catalog) DropCollection(ctx context.Context, name string) error {
	c.mu.Lock()
	own := c.collections[name]
	delete(c.collections, name)
	c.mu.Unlock()
	if own == nil {
		own = c.named(name)
	}
	own.writing.Lock() // nothing is written, or mended, to what is dropped meanwhile
	defer own.writing.Unlock()
	own.dropped = true
	for _, class := range []string{own.papers, own.state} {
		if err := c.wire.dropClass(ctx, class); err != nil {
			return err
		}
	}
	return nil
}

func (c *Catalog) named(name string) *collection {
	return &collection{wire: c.wire, name: name, papers: c.wire.classOf(name, "Papers"), state: c.wire.classOf(name, "State")}
}

// collection finds a collection that the cluster has.
func (c *Catalog) collection(ctx context.Context, name string) (*collection, error) {
	c.mu.Lock()
	own := c.collections[name]
	c.mu.Unlock()
	if own != nil {
		return own, nil
	}
	unknown := &paper.Error{
		Kind: paper.NotFound, Reason: paper.ReasonCollectionUnknown, ResourceType: "collection", ResourceName: name,
		Message: fmt.Sprintf("collection %q does not exist", name),
	}
	if paper.ValidateCollection(name) != nil {
		return nil, unknown
	}
	own = c.named(name)
	a, err := c.wire.rest(ctx, http.MethodGet, "/schema/"+own.state, nil)
	if err != nil {
		return nil, err
	}
	if a.code == http.StatusNotFound {
		return nil, unknown
	}
	return c.keep(own), nil
}

// View implements catalog.Catalog.
func (c *Catalog) View(ctx context.Context, name string) (catalog.View, error) {
	own, err := c.collection(ctx, name)
	if err != nil {
		return nil, err
	}
	h, err := own.head(ctx)
	if err != nil {
		return nil, err
	}
	return &view{c: own, head: *h, writer: h, seen: h.Group, changed: make(map[string]uint64), copies: make(map[string]*version)}, nil
}

// Apply implements catalog.Catalog.
func (c *Catalog) Apply(ctx context.Context, name string, changes []catalog.Mutation) ([]catalog.Outcome, uint64, error) {
	own, err := c.collection(ctx, name)
	if err != nil {
		return nil, 0, err
	}
	return own.apply(ctx, changes)
}
