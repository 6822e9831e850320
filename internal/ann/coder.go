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

// Coder is an [Index] over github.com/coder/hnsw, the baseline that [Graph] is
// compared with. It never calls the library's Delete, after which searches
// panic: each vector is stored under a key that was never used before, what is
// deleted or replaced stays in the graph as a tombstone that results are
// cleared of, and when tombstones outnumber what lives, the graph is built anew.
// Scans, filters that leave little, and scores come from an [Exact] beside it,
// with which it shares nothing but the vectors' values, so that it takes more
// than twice the memory of either.
//
// A panic of the library becomes an error; one while writing leaves its state
// unknown, so every later call fails with [ErrBroken].
type Coder struct {
	exact *Exact
	seed  int64

	mu     sync.RWMutex        // guards what follows, and is held while exact is written to
	graph  *hnsw.Graph[uint32] // keys are places in owners
	owners []uint32            // the ordinal that each key was given for
	keys   map[uint32]uint32   // the key of each ordinal that is there
	broken error               // the library's panic, if it had one while writing
}

const (
	// coderEfSearch is the number of candidates when a query names none. The
	// library's own default is 20; the comparison is fairer with the same number
	// for both.
	coderEfSearch = defaultEfSearch
	// coderTombstones is how many tombstones a graph may have at least before it
	// is built anew.
	coderTombstones = 1_000
	// coderScan is how much of the index a filter must keep for a walk: below one
	// in coderScan, a walk would mostly collect what is left out.
	coderScan = 10
)

// NewCoder returns an empty index for vectors of the given dimension. The seed
// fixes the layers; the library still starts at random nodes, so that its
// answers differ from run to run.
func NewCoder(dimension int, seed int64) (*Coder, error) {
	exact, err := NewExact(dimension)
	if err != nil {
		return nil, err
	}
	c := &Coder{exact: exact, seed: seed, keys: map[uint32]uint32{}}
	c.clear()
	return c, nil
}

// clear makes the graph an empty one. The caller holds the lock, or is alone.
func (c *Coder) clear() {
	c.graph = hnsw.NewGraph[uint32]()
	c.graph.M, c.graph.EfSearch = defaultM, coderEfSearch
	c.graph.Distance = unitDistance
	c.graph.Rng = rand.New(rand.NewSource(c.seed))
	c.owners = c.owners[:0]
}

// unitDistance orders vectors of unit length as the library's cosine distance
// does, without their norms.
func unitDistance(a, b []float32) float32 { return 1 - vec.Dot(a, b) }

// Upsert implements [Index].
func (c *Coder) Upsert(ordinal uint32, vector []float32) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return c.broken
	}
	if err := c.exact.Upsert(ordinal, vector); err != nil {
		return err
	}
	delete(c.keys, ordinal)
	if c.buildDue() {
		return c.build()
	}
	return c.add(ordinal)
}

// add puts the vector that exact has under an ordinal into the graph. The caller
// holds the lock.
func (c *Coder) add(ordinal uint32) error {
	vector, _ := c.exact.Vector(ordinal)
	key := uint32(len(c.owners))
	c.broken = guard("add a vector", func() { c.graph.Add(hnsw.MakeNode(key, vector)) })
	if c.broken != nil {
		return c.broken
	}
	c.owners = append(c.owners, ordinal)
	c.keys[ordinal] = key
	return nil
}

// Delete implements [Index].
func (c *Coder) Delete(ordinal uint32) (existed bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return false, c.broken
	}
	if existed, err = c.exact.Delete(ordinal); !existed || err != nil {
		return existed, err
	}
	delete(c.keys, ordinal)
	if c.buildDue() {
		return true, c.build()
	}
	return true, nil
}

// buildDue says whether tombstones are most of the graph. The caller holds the lock.
func (c *Coder) buildDue() bool {
	return len(c.owners)-len(c.keys) > max(coderTombstones, len(c.keys))
}

// build makes the graph anew of what lives, in the order of ordinals. The caller
// holds the lock.
func (c *Coder) build() error {
	var ordinals []uint32
	for slot, state := range c.exact.rows.state { // nobody else writes to exact
		if state == slotLive {
			ordinals = append(ordinals, c.exact.rows.ordinals[slot])
		}
	}
	slices.Sort(ordinals)
	clear(c.keys)
	c.clear()
	for _, ordinal := range ordinals {
		if err := c.add(ordinal); err != nil {
			return err
		}
	}
	return nil
}

// Search implements [Index]. Visited is 0 after a walk: the library does not
// count. The context is looked at before a walk, and between its tries.
func (c *Coder) Search(ctx context.Context, q Query) (Result, error) {
	if err := q.check(c.exact.rows.dimension); err != nil {
		return Result{}, err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.broken != nil {
		return Result{}, c.broken
	}
	if q.Exact || c.scans(q) {
		return c.exact.Search(ctx, q)
	}
	return c.walk(ctx, q)
}

// scans says whether a filter keeps so little that a scan is the better plan. One
// that does not know its size may keep anything.
func (c *Coder) scans(q Query) bool {
	if q.Keep == nil {
		return false
	}
	counted, ok := q.Keep.(paper.CountedSet)
	return !ok || counted.GetCardinality() < uint64(len(c.keys)/coderScan)
}

// walk asks the graph for more until enough of what it finds lives and is kept.
// What still finds too little is scanned. The caller holds the read lock.
func (c *Coder) walk(ctx context.Context, q Query) (Result, error) {
	plan := PlanWalk
	if q.Keep != nil {
		plan = PlanFilteredWalk
	}
	nodes, want := len(c.owners), min(q.K, len(c.keys))
	for ask := min(want, nodes); want > 0; ask = min(2*ask, nodes) {
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
		found, err := c.nearest(q, ask)
		if err != nil {
			return Result{}, err
		}
		switch {
		case len(found) >= want:
			return Result{Neighbors: neighbors(found, q.K, q.Room), Plan: plan}, nil
		case ask >= nodes/2: // a scan costs no more than what comes next
			return c.exact.Search(ctx, q)
		}
	}
	return Result{Plan: plan}, nil
}

// nearest gives what lives and is kept of the nodes nearest to a query, best first.
func (c *Coder) nearest(q Query, ask int) ([]rank, error) {
	view := *c.graph // its own EfSearch over the same layers, which Search only reads
	if q.EfSearch > 0 {
		view.EfSearch = q.EfSearch
	}
	// The library allocates what it is told, however much that is.
	view.EfSearch = min(view.EfSearch, len(c.owners))
	var nodes []hnsw.Node[uint32]
	if err := guard("search", func() { nodes = view.Search(q.Vector, ask) }); err != nil {
		return nil, err
	}
	ranks := make([]rank, 0, len(nodes))
	for _, node := range nodes {
		ordinal := c.owners[node.Key]
		key, lives := c.keys[ordinal]
		if lives && key == node.Key && (q.Keep == nil || q.Keep.Contains(ordinal)) {
			ranks = append(ranks, rankOf(cosine(vec.Dot(q.Vector, node.Value)), ordinal))
		}
	}
	sortRanks(ranks)
	return ranks, nil
}

// Len implements [Index].
func (c *Coder) Len() int { return c.exact.Len() }

// Scores implements [Scorer].
func (c *Coder) Scores(dst, query []float32, ordinals []uint32) error {
	return c.exact.Scores(dst, query, ordinals)
}

// Vector implements [Scorer].
func (c *Coder) Vector(ordinal uint32) (vector []float32, found bool) { return c.exact.Vector(ordinal) }

// Vectors implements [Scorer].
func (c *Coder) Vectors(dst [][]float32, ordinals []uint32) { c.exact.Vectors(dst, ordinals) }

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
