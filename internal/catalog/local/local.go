// Package local is the catalog of one machine: a store, which is the truth, and
// indexes in memory, which are derived from it.
//
// # Duty
//
// Catalog implements the contract of package catalog with all its capabilities. Each
// of its collections keeps its vectors in an index (ann), its words in another
// (lexical), its attributes in a third (filter), and what versions are found by
// (dedup). What a start would have to make anew is kept in files, which carry what they
// were made from, and are believed as far as that can be checked.
//
// # Concurrency
//
// A view is the collection at one sequence number. Queries neither wait for changes nor
// make them wait; changes of a collection are made one at a time. Of a paper that was
// changed or deleted since the view was opened, an approximate index may miss what it
// was; it is never found as it was not.
//
// # Caveats
//
// A handle is the paper's ordinal plus one. Losing every file but the store's loses
// nothing.
package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"akin/internal/catalog"
	"akin/internal/paper"
	"akin/internal/store"
)

// IndexKind names the index that answers.
type IndexKind string

// The kinds of index.
const (
	// GraphIndex scans small collections exactly and walks our HNSW graph in
	// larger ones.
	GraphIndex IndexKind = "graph"
	// LVQIndex is GraphIndex whose graph keeps no float32 vectors, for large collections:
	// it walks on int8 codes as that does, and reads the vectors of what it found from
	// the store. Answers and scores are the same.
	LVQIndex IndexKind = "graph-lvq"
	// ExactIndex always compares every vector.
	ExactIndex IndexKind = "exact"
	// CoderIndex is github.com/coder/hnsw, the baseline.
	CoderIndex IndexKind = "coder"
)

// IndexKinds are all kinds, the default first.
func IndexKinds() []IndexKind { return []IndexKind{GraphIndex, LVQIndex, ExactIndex, CoderIndex} }

// graph says that large collections have a graph of ours.
func (k IndexKind) graph() bool { return k == GraphIndex || k == LVQIndex }

// defaultGraphFrom is where queries, which ask for 1,000, begin to walk a graph
// (ann.WalksFrom): a smaller one would be built for nothing.
const defaultGraphFrom = 13_000

// Config says how to open a Catalog.
type Config struct {
	// Store is the truth; it stays the caller's to close, after the catalog.
	Store *store.Store
	// Space is what the vectors of the default collection are embedded into, which is
	// made if it is missing. One of another space is refused.
	Space paper.Space
	// Index is the kind of index; "" means the first of IndexKinds.
	Index IndexKind
	// GraphFrom is the number of papers from which GraphIndex has a graph; 0 means
	// 13,000. Below, a scan takes about as long and misses nothing.
	GraphFrom int
	// Dir keeps what is derived from the store, so that a start need not make it
	// anew; "" keeps nothing. Losing it loses nothing.
	Dir string
	// Snapshots is where snapshots of the store are kept; "" keeps none.
	Snapshots string
	// Program is the version of the program, which snapshots keep.
	Program string
	Log     *slog.Logger
	// Followed gives the sequence number up to which whoever follows a collection has
	// seen its changes, of which the log keeps those after it, but no more than
	// MostFollowed; nil follows nothing. It must be quick, and safe for concurrent use.
	Followed func(collection string) uint64
	// Done is told of what the catalog has done by itself: "graph_build", "graph_save";
	// nil tells nobody. It must be quick, and safe for concurrent use.
	Done func(what string, took time.Duration, err error)

	// alwaysWalk walks graphs also where a scan is cheaper: to test them.
	alwaysWalk bool
}

func (c Config) withDefaults() Config {
	if c.Index == "" {
		c.Index = IndexKinds()[0]
	}
	if c.GraphFrom == 0 {
		c.GraphFrom = defaultGraphFrom
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Followed == nil {
		c.Followed = func(string) uint64 { return math.MaxUint64 }
	}
	if c.Done == nil {
		c.Done = func(string, time.Duration, error) {}
	}
	return c
}

// Catalog is the catalog of one machine.
type Catalog struct {
	config Config
	open   openCollections

	// snapshots is held by the one who makes a snapshot.
	snapshots sync.Mutex
}

var (
	_ catalog.Catalog   = (*Catalog)(nil)
	_ catalog.Verifier  = (*Catalog)(nil)
	_ catalog.Snapshots = (*Catalog)(nil)
	_ catalog.Waiter    = (*Catalog)(nil)
)

// openCollections are the collections that are loaded, by name.
type openCollections struct {
	mu     sync.RWMutex // guards byName
	byName map[string]*collection
}

// get gives a collection; nil if none of that name is open.
func (o *openCollections) get(name string) *collection {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.byName[name]
}

func (o *openCollections) put(c *collection) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.byName == nil {
		o.byName = make(map[string]*collection)
	}
	o.byName[c.name] = c
}

// all gives the collections in order of their names.
func (o *openCollections) all() []*collection {
	o.mu.RLock()
	defer o.mu.RUnlock()
	all := make([]*collection, 0, len(o.byName))
	for _, name := range slices.Sorted(maps.Keys(o.byName)) {
		all = append(all, o.byName[name])
	}
	return all
}

// Open opens the default collection, creating it if need be, and loads its indexes.
// Close the catalog before its store.
func Open(ctx context.Context, config Config) (*Catalog, error) {
	config = config.withDefaults()
	if _, err := config.Store.EnsureCollection(ctx, paper.DefaultCollection, config.Space); err != nil {
		return nil, err
	}
	c := &Catalog{config: config}
	one, err := openCollection(ctx, config, paper.DefaultCollection)
	if err != nil {
		return nil, err
	}
	c.open.put(one)
	return c, nil
}

// Close stops background work, waits for it and for views that are open, and saves
// what is derived. Views cannot be opened any more.
func (c *Catalog) Close() error {
	var errs []error
	for _, one := range c.open.all() {
		errs = append(errs, one.close())
	}
	return errors.Join(errs...)
}

// collection gives the collection of a name.
func (c *Catalog) collection(name string) (*collection, error) {
	if one := c.open.get(name); one != nil {
		return one, nil
	}
	return nil, &paper.Error{
		Kind: paper.NotFound, Reason: paper.ReasonCollectionUnknown, ResourceType: "collection", ResourceName: name,
		Message: fmt.Sprintf("collection %q does not exist; leave it out to use %q", name, paper.DefaultCollection),
	}
}

// View implements catalog.Catalog. It touches no disk. The view has all capabilities.
func (c *Catalog) View(_ context.Context, collection string) (catalog.View, error) {
	one, err := c.collection(collection)
	if err != nil {
		return nil, err
	}
	return one.view()
}

// Apply implements catalog.Catalog.
func (c *Catalog) Apply(ctx context.Context, collection string, changes []catalog.Mutation) ([]catalog.Outcome, uint64, error) {
	one, err := c.collection(collection)
	if err != nil {
		return nil, 0, err
	}
	return one.change(ctx, changes)
}
