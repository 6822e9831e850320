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
func (c *Catalog) CreateCollection(ctx context.Context, name string, space paper.Space) error {
	if err := paper.ValidateCollection(name); err != nil {
		return err
	}
	c.mu.Lock()
	own := c.collections[name]
	c.mu.Unlock()
	if own == nil {
		own = c.named(name)
	}
	own.writing.Lock()
	defer own.writing.Unlock()
	if own.own != nil { // this process made it, or took it over
		h, err := own.ready(ctx)
		if err == nil {
			return sameSpace(h, space)
		}
		if paper.KindOf(err) != paper.NotFound {
			return err
		}
	}
	for _, class := range []map[string]any{c.wire.papersClass(own.papers), c.wire.stateClass(own.state)} {
		if err := c.wire.createClass(ctx, class); err != nil {
			return err
		}
	}
	if err := own.takeOver(ctx, space); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.collections[name] = own
	return nil
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
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.collections[name] == nil {
		c.collections[name] = own
	}
	return c.collections[name], nil
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
