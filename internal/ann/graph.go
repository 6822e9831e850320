package ann

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"sync"

	"github.com/edsrzf/mmap-go"

	"akin/internal/paper"
	"akin/internal/splitmix"
)

// Options shape a [Graph]. The zero value is a good graph.
type Options struct {
	// M is how many links a node chooses per layer; it holds twice as many in
	// layer 0. 0 is 16; 2 to 512. Memory per vector grows by 8 bytes times M.
	M int
	// EfConstruction is how many candidates an insertion looks at. 0 is 200;
	// M to 100,000. More make a better graph, slower.
	EfConstruction int
	// EfSearch is how many candidates a search keeps when the query does not
	// say. 0 is 128; 1 to 100,000.
	EfSearch int
	// Seed goes, with the ordinal, into the choice of a node's layers.
	Seed uint64
	// Capacity is how many vectors to make room for at once; 0 starts small.
	Capacity int
	// Plain walks and builds on float32 alone, without int8 codes beside the
	// vectors: slower, for a quarter less memory.
	Plain bool
	// LVQ keeps no float32 vectors: of each its int8 codes, and four more bits of each
	// element, which results are compared by (locally-adaptive quantisation in two
	// levels; Aguerrebere et al., 2023). Memory is 1.5 bytes per dimension in place of
	// 5. Scores are then within [Graph.Blur] of the cosines, and vectors cannot be got
	// back, unless a query reads vectors from elsewhere ([Query.Read]). Not with Plain.
	LVQ bool
	// AlwaysWalk never answers by a scan, even when that is cheaper: to
	// measure and to test the graph itself.
	AlwaysWalk bool
}

const (
	defaultM              = 16
	defaultEfConstruction = 200
	defaultEfSearch       = 128
)

func (o Options) withDefaults() Options {
	if o.M == 0 {
		o.M = defaultM
	}
	if o.EfConstruction == 0 {
		o.EfConstruction = max(defaultEfConstruction, o.M)
	}
	if o.EfSearch == 0 {
		o.EfSearch = defaultEfSearch
	}
	return o
}

// check reports all faults of options that have their defaults.
func (o Options) check() error {
	const mostM, mostEf, mostCapacity = 512, 100_000, math.MaxInt32
	e := &paper.Error{
		Kind: paper.Invalid, Reason: paper.ReasonInvalidField,
		Message: "graph options are not valid", Cause: ErrOptions,
	}
	within := func(field string, value, least, most int) {
		if value < least || value > most {
			e.Violations = append(e.Violations, paper.Violation{
				Field: field, Description: fmt.Sprintf("is %d; it must be %d to %d", value, least, most),
			})
		}
	}
	within("m", o.M, 2, mostM)
	within("ef_construction", o.EfConstruction, min(max(o.M, 2), mostM), mostEf)
	within("ef_search", o.EfSearch, 1, mostEf)
	within("capacity", o.Capacity, 0, mostCapacity)
	if o.LVQ && o.Plain {
		e.Violations = append(e.Violations, paper.Violation{Field: "lvq", Description: "cannot be with plain, which has no codes"})
	}
	if len(e.Violations) > 0 {
		return e
	}
	return nil
}

// Graph is the default [Index]: a hierarchical navigable small world graph
// (Malkov & Yashunin, arXiv:1603.09320). Memory is 5 bytes per dimension, 8
// bytes times M and some 30 bytes more per vector, and up to a quarter of all
// that as room to grow, unless Options.Capacity said how much there will be.
//
// Deleted vectors lead searches on until a sweep, a bounded piece of it with
// every write, has relinked their neighbours; [Graph.Repair] finishes it.
type Graph struct {
	options   Options // never change
	dimension int     // never changes

	// writer is held by the one goroutine that changes the graph, from its
	// first look to its last change. It guards the fields that only writers
	// use; and because nobody else changes anything, its holder reads all
	// fields without mu.
	writer sync.Mutex
	free   []uint32 // slots to use again; the last one first
	dead   []uint32 // slots in state slotDead
	sweep  sweep
	own    inserter

	// mu guards what readers see. Writers hold it, besides writer, only while
	// they change that.
	mu    sync.RWMutex
	rows  rows
	links links
	entry uint32 // a live slot of the highest layer that has any, or noSlot

	walks sync.Pool // of *walk

	// The file whose vectors are mapped, and its descriptor; guarded by mu. What
	// the mapping shows is the graph's, once slots of it were used again; what the
	// descriptor reads is the file's.
	file   mmap.MMap
	source *os.File
	// vectorSum and vectorBytes are of the vectors in the file; they never change.
	vectorSum   uint32
	vectorBytes int64
}

// NewGraph returns an empty graph for vectors of the given dimension.
func NewGraph(dimension int, options Options) (*Graph, error) {
	options = options.withDefaults()
	if err := errors.Join(checkDimension(dimension), options.check()); err != nil {
		return nil, err
	}
	g := &Graph{options: options, dimension: dimension}
	g.own.g = g
	g.reset()
	if options.Capacity > 0 {
		g.rows.grow(options.Capacity)
		g.links.grow(options.Capacity)
	}
	return g, nil
}

// reset makes the graph empty. Needs both locks, once others know the graph.
func (g *Graph) reset() {
	fresh := newRows(g.dimension, !g.options.Plain)
	fresh.lvq = g.options.LVQ
	fresh.follow(&g.rows)
	g.rows, g.links = fresh, newLinks(g.options.M)
	g.free, g.dead, g.sweep = nil, nil, sweep{}
	g.entry = noSlot
}

// Len implements [Index].
func (g *Graph) Len() int {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.rows.slots.len()
}

// Upsert implements [Index]. To store the vector that is already there does
// nothing. Ordinals with the same vector share a node: a thousand papers that
// are all called "Editorial" would be an island that searches get stuck in.
func (g *Graph) Upsert(ordinal uint32, vector []float32) error {
	if err := checkVector("vector", vector, g.dimension); err != nil {
		return err
	}
	g.writer.Lock()
	defer g.writer.Unlock()
	return g.upsert(ordinal, vector)
}

// upsert is Upsert of a valid vector. Needs g.writer.
func (g *Graph) upsert(ordinal uint32, vector []float32) error {
	old, replaces := g.rows.slots.get(ordinal)
	if replaces && g.rows.holds(old, vector) {
		return nil
	}
	if !replaces || len(g.rows.sharers[old]) > 0 {
		old = noSlot // no node loses its last ordinal
	}
	slot, err := g.reserve(ordinal, vector, old)
	if err != nil {
		return err
	}
	same := g.own.draftNode(slot, old)
	g.mu.Lock()
	if replaces {
		g.rows.release(ordinal)
	}
	if same == noSlot {
		g.admit(slot)
	} else {
		g.rows.share(same, ordinal)
		g.discard(slot)
	}
	if old != noSlot {
		g.bury(old)
	}
	g.mu.Unlock()
	g.repairSome()
	return nil
}

// Delete implements [Index].
func (g *Graph) Delete(ordinal uint32) (existed bool, err error) {
	g.writer.Lock()
	defer g.writer.Unlock()
	slot, ok := g.rows.slots.get(ordinal)
	if !ok {
		return false, nil
	}
	g.mu.Lock()
	if len(g.rows.sharers[slot]) == 0 {
		g.withdraw(slot)
		g.bury(slot)
	}
	g.rows.release(ordinal)
	if g.rows.slots.len() == 0 {
		g.reset()
	}
	g.mu.Unlock()
	g.repairSome()
	return true, nil
}

// withdraw takes a live slot out of every role in which the graph depends on
// it. It can still be found. Needs g.mu.
func (g *Graph) withdraw(slot uint32) {
	g.treeLeave(slot)
	if g.entry != slot {
		return
	}
	// The last live vector stays the entry point, for those who search before
	// it is gone.
	if next := g.highest(slot); next != noSlot {
		g.entry = next
	}
}

// bury makes a live slot that was withdrawn a dead one. Needs g.mu.
func (g *Graph) bury(slot uint32) {
	g.rows.state[slot] = slotDead
	g.dead = append(g.dead, slot)
}

// highest returns the live slot, other than except, that is in the highest
// layer; the first of several; noSlot if there is none.
func (g *Graph) highest(except uint32) uint32 {
	found := uint32(noSlot)
	for slot, state := range g.rows.state {
		if state == slotLive && uint32(slot) != except &&
			(found == noSlot || g.links.levels[slot] > g.links.levels[found]) {
			found = uint32(slot)
		}
	}
	return found
}

// Search implements [Index]. It scans instead of walking where that costs less:
// in a small index, and when a filter keeps few. A filtered walk that is about to
// cost more than the scan of what is kept is given up for it, mostly after a
// fortieth as many comparisons: when the filter leaves out what the query is near.
func (g *Graph) Search(ctx context.Context, q Query) (Result, error) {
	if err := q.check(g.dimension); err != nil {
		return Result{}, err
	}
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	w := g.borrow()
	defer g.walks.Put(w)
	w.scanner.sights.begin(g.options.LVQ && q.Read != nil)
	r, err := g.find(ctx, w, q)
	if err == nil && w.scanner.sights.wanted {
		r.Neighbors, err = w.scanner.sights.read(ctx, q)
	}
	return r, err
}

// find is Search of a valid query, with the working memory of one search.
func (g *Graph) find(ctx context.Context, w *walk, q Query) (Result, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	live := g.rows.slots.len()
	k := min(q.K, live)
	ef := q.EfSearch
	if ef == 0 {
		ef = g.options.EfSearch
	}
	ef = min(max(ef, k), g.rows.live())
	a := g.chooseApproach(q.Keep, live, k, ef)
	if g.options.AlwaysWalk {
		a.scan = false
	}
	if k == 0 || a.kept == 0 || a.scan || q.Exact {
		return w.answer(ctx, &g.mu, &g.rows, q, 0)
	}
	w.query = g.rows.probeOf(q.Vector, w.codes)
	b := beam{query: &w.query, ef: ef, keep: q.Keep, except: noSlot, dense: a.dense}
	if q.Keep != nil && !g.options.AlwaysWalk {
		b.scanRows = a.kept
	}
	err := g.walk(ctx, w, &b)
	if errors.Is(err, errDearerThanScan) {
		return w.answer(ctx, &g.mu, &g.rows, q, w.visited)
	}
	if err != nil {
		return Result{}, err
	}
	g.rerank(w, &w.query, k, q.Keep)
	r := Result{Neighbors: neighbors(w.ranks, k, q.Room), Visited: w.visited, Plan: PlanWalk}
	if q.Keep != nil {
		r.Plan = PlanFilteredWalk
	}
	return r, nil
}

// walk searches layer 0 from where the descent through the others ends. Needs
// g.mu, and that the graph is not empty.
func (g *Graph) walk(ctx context.Context, w *walk, b *beam) error {
	seed := g.descend(w, b.query, b.level)
	b.nextEstimate = w.visited + max(leastCompared, b.scanRows/firstEstimate)
	if g.rows.state[seed] == slotLive {
		return g.search(ctx, w, b, seed)
	}
	// What a dead node still links to may be dead as well. The entry point is
	// live, and every live node can be reached from it.
	return g.search(ctx, w, b, seed, g.entry)
}

// approach is how a search means to go about it.
type approach struct {
	kept  int  // about what the filter leaves
	scan  bool // instead of walking
	dense bool // the filter seems to keep a third or more
}

// walkFactor is about how many rows a scan compares in the time that a walk takes
// for each candidate that it keeps. A walk compares 10 to 15 for each, and a scan,
// which goes through memory in order, is two to three times as fast for each:
// measured by BenchmarkSwitchOver, 27 to 40. resultFactor is how many more it could
// compare in the time that it takes for each result, whose codes do not suffice:
// for 1,000 results a walk and a scan take the same time among 12,000 to 14,000.
const (
	walkFactor   = 30
	resultFactor = 17
)

// WalksFrom is the number of vectors above which a [Graph] is walked for the k
// nearest rather than scanned, without a filter.
func WalksFrom(k int) int { return walkFactor*max(k, defaultEfSearch) - resultFactor*k }

// filteredFactor is walkFactor under a filter, where a scan looks every ordinal up
// and goes through memory out of order: with 60,000 papers and ef 128 a walk and a
// scan take the same time when 15 to 20 % are kept (BenchmarkFilters).
const filteredFactor = 15

// chooseApproach compares the costs, in distances, of the two ways to answer. A
// walk has to pass through live/kept nodes for each one that it may keep.
func (g *Graph) chooseApproach(keep Set, live, k, ef int) approach {
	a := approach{kept: live}
	switch set := keep.(type) {
	case nil:
	case paper.CountedSet:
		a.kept = int(min(uint64(live), set.GetCardinality()))
	default:
		a.kept = g.rows.sample(keep)
	}
	a.dense = 3*a.kept >= live
	if keep == nil {
		a.scan = live <= walkFactor*ef-resultFactor*k
		return a
	}
	kept := float64(a.kept)
	a.scan = kept*kept <= filteredFactor*float64(ef)*float64(live)
	return a
}

// sameBits says whether two vectors of one length are the same numbers.
func sameBits(a, b []float32) bool {
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return false
		}
	}
	return true
}

// levelOf draws the highest layer of a node: l with probability M^-l (1 - 1/M),
// which is Malkov & Yashunin's distribution with mL = 1/ln M. It depends on
// nothing but seed and ordinal, so a graph that is built again from the same
// papers in another order has the same layers.
func (g *Graph) levelOf(ordinal uint32) int {
	uniform := (float64(splitmix.At(g.options.Seed, uint64(ordinal))>>11) + 0.5) / (1 << 53)
	return min(int(-math.Log(uniform)/math.Log(float64(g.options.M))), maxLevel)
}
