package ann

import (
	"context"
	"fmt"
	"math/rand"
	"slices"
	"sync"

	"github.com/coder/hnsw"

	"akin/internal/paper"
	"akin/internal/vec"
)

// Coder is an [Index] over github.com/coder/hnsw v0.6.1, the baseline that
// [Graph] is compared with. What the library cannot do safely is refused with
// [ErrUnsupported] instead of tried: deletes leave edges to nodes that are gone
// and later searches panic, an upsert of a key that is there panics, and there
// are no filters. Its answers are sorted here. Its recall is what it is: see
// docs/adr/0003-index.md.
//
// A panic of the library becomes an error; one while writing leaves its state
// unknown, so every later call fails with [ErrBroken].
type Coder struct {
	dimension int // never changes

	mu     sync.RWMutex
	graph  *hnsw.Graph[uint32]
	broken error // the library's panic, if it had one while writing
}

// coderEfSearch is the number of candidates when a query names none. The
// library's own default is 20; the comparison is fairer with the same number for
// both.
const coderEfSearch = defaultEfSearch

// NewCoder returns an empty index for vectors of the given dimension. The seed
// fixes the layers; the library still starts at random nodes, so that its
// answers differ from run to run.
func NewCoder(dimension int, seed int64) (*Coder, error) {
	if err := checkDimension(dimension); err != nil {
		return nil, err
	}
	graph := hnsw.NewGraph[uint32]()
	graph.M = defaultM
	graph.EfSearch = coderEfSearch
	graph.Rng = rand.New(rand.NewSource(seed))
	return &Coder{dimension: dimension, graph: graph}, nil
}

// Upsert implements [Index] for ordinals that are not there yet.
func (c *Coder) Upsert(ordinal uint32, vector []float32) error {
	if err := checkVector("vector", vector, c.dimension); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return c.broken
	}
	if _, ok := c.graph.Lookup(ordinal); ok {
		return unsupported("ordinal %d is in the index, and coder/hnsw cannot replace a vector; build the index again", ordinal)
	}
	err := guard("add a vector", func() {
		c.graph.Add(hnsw.MakeNode(ordinal, slices.Clone(vector)))
	})
	c.broken = err
	return err
}

// Delete implements [Index]: it always fails with [ErrUnsupported].
func (c *Coder) Delete(ordinal uint32) (existed bool, err error) {
	return false, unsupported("coder/hnsw cannot delete (ordinal %d) without breaking later searches; build the index again", ordinal)
}

// Search implements [Index] for queries without a filter or Exact. Visited is 0: the
// library does not count. The context is looked at before the search only.
func (c *Coder) Search(ctx context.Context, q Query) (Result, error) {
	if err := q.check(c.dimension); err != nil {
		return Result{}, err
	}
	if q.Keep != nil {
		return Result{}, unsupported("coder/hnsw cannot filter; search without one")
	}
	if q.Exact {
		return Result{}, unsupported("coder/hnsw cannot scan; search without asking for it, or use the default index")
	}
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.broken != nil {
		return Result{}, c.broken
	}
	size := c.graph.Len()
	if size == 0 {
		return Result{Plan: PlanWalk}, nil
	}
	view := *c.graph // its own EfSearch over the same layers, which Search only reads
	if q.EfSearch > 0 {
		view.EfSearch = q.EfSearch
	}
	// The library allocates what it is told, however much that is.
	view.EfSearch = min(view.EfSearch, size)
	var nodes []hnsw.Node[uint32]
	if err := guard("search", func() { nodes = view.Search(q.Vector, min(q.K, size)) }); err != nil {
		return Result{}, err
	}
	ranks := make([]rank, len(nodes))
	for i, node := range nodes {
		ranks[i] = rankOf(cosine(vec.Dot(q.Vector, node.Value)), node.Key)
	}
	sortRanks(ranks)
	return Result{Neighbors: neighbors(ranks, q.K, q.Room), Plan: PlanWalk}, nil
}

// Len implements [Index].
func (c *Coder) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.graph.Len()
}

// guard turns a panic of the library into an error.
func guard(operation string, call func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &paper.Error{
				Kind: paper.Internal, Reason: ReasonIndexBroken,
				Message: "the coder/hnsw index failed; build it again, or use the default index",
				Cause:   fmt.Errorf("%s: panic: %v: %w", operation, r, ErrBroken),
			}
		}
	}()
	call()
	return nil
}
