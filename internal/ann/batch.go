package ann

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// batchMost is how many nodes are inserted side by side.
	batchMost = 256
	// batchShare: a batch is at most one node for so many live ones (ParlayANN,
	// Manohar et al., arXiv:2305.04359, takes up to 2 %).
	batchShare = 32
	// applyStride is how many blocks of links are put in place while readers
	// wait: as many as some insertions change.
	applyStride = 64
)

// UpsertMany stores copies of many vectors, each of unit length, as calls of
// Upsert would in this order, on several goroutines: workers, or as many as there
// are cores if that is 0. The graph that comes out depends on the calls and not on
// the number of workers: vectors are inserted in batches that search the graph as
// it was before them, after ParlayANN, and each is compared with those of its batch
// that come before it as well: papers often arrive sorted by subject, and then those
// are its nearest.
//
// A vector that is not valid is refused before anything is stored. When ctx ends,
// the vectors before some place in the order are stored.
func (g *Graph) UpsertMany(ctx context.Context, ordinals []uint32, vectors [][]float32, workers int) error {
	if len(ordinals) != len(vectors) {
		return invalid(ErrOptions, "vectors", "are %d for %d ordinals", len(vectors), len(ordinals))
	}
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	for i, v := range vectors {
		if err := checkVector("vector", v, g.dimension); err != nil {
			return fmt.Errorf("vector %d of %d: %w", i, len(vectors), err)
		}
	}
	b := newBatch(g, workers)
	for len(ordinals) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := b.insert(ordinals, vectors)
		if err != nil {
			return err
		}
		ordinals, vectors = ordinals[n:], vectors[n:]
	}
	return nil
}

// batch is nodes that are inserted side by side.
type batch struct {
	g       *Graph
	workers []inserter
	items   []item
	slots   []uint32       // of items
	later   []int          // positions of what has to be inserted alone, afterwards
	taken   map[uint32]int // ordinal -> position, of items
	hashes  map[uint64]int // of vectors -> item
	backs   []back
	groups  []int // where in backs those of one block begin
}

// item is one node of a batch.
type item struct {
	position int // among the vectors
	slot     uint32
	same     uint32 // a node of the same vector, or noSlot
	edits    []edit // of its own links
	discard  bool   // its draft is of no use
}

// back is a link that is due from a node to a new one.
type back struct {
	from  uint32
	level int
	slot  uint32
	tree  bool
}

func newBatch(g *Graph, workers int) *batch {
	b := &batch{g: g, workers: make([]inserter, workers), taken: map[uint32]int{}, hashes: map[uint64]int{}}
	for i := range b.workers {
		b.workers[i].g = g
	}
	return b
}

// insert stores some of the vectors and returns how many. While it works, no other
// goroutine changes the graph.
func (b *batch) insert(ordinals []uint32, vectors [][]float32) (int, error) {
	g := b.g
	g.writer.Lock()
	defer g.writer.Unlock()
	n := min(batchMost, g.rows.live()/batchShare, len(ordinals))
	if n < 2 {
		return 1, g.upsert(ordinals[0], vectors[0])
	}
	if err := b.reserve(ordinals[:n], vectors[:n]); err != nil {
		return 0, err
	}
	b.parallel(len(b.items), b.draft)
	b.settle()
	b.collectBacks()
	edits := b.draftBacks()
	b.put(edits)
	for range b.items {
		g.repairSome()
	}
	for _, i := range b.later {
		if err := g.upsert(ordinals[i], vectors[i]); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// reserve gives slots to the vectors that can be inserted side by side: those of
// ordinals that are not there yet, no two with the same vector, and none in a
// higher layer than the entry point, where it would find nothing to link to.
func (b *batch) reserve(ordinals []uint32, vectors [][]float32) error {
	g := b.g
	b.items, b.slots, b.later = b.items[:0], b.slots[:0], b.later[:0]
	clear(b.taken)
	clear(b.hashes)
	for i, ordinal := range ordinals {
		_, there := g.rows.slots.get(ordinal)
		_, twice := b.taken[ordinal]
		hash := hashOf(vectors[i])
		_, copied := b.hashes[hash]
		b.taken[ordinal] = i
		if there || twice || copied || g.levelOf(ordinal) > int(g.links.levels[g.entry]) {
			b.later = append(b.later, i)
			continue
		}
		b.hashes[hash] = i
		slot, err := g.reserve(ordinal, vectors[i], noSlot)
		if err != nil {
			return err
		}
		b.items = append(b.items, item{position: i, slot: slot})
		b.slots = append(b.slots, slot)
	}
	return nil
}

// hashOf is FNV-1a over the bits of a vector, a word at a time. Vectors that
// collide are only inserted one after the other.
func hashOf(vector []float32) uint64 {
	h := uint64(0xcbf29ce484222325)
	for _, x := range vector {
		h = (h ^ uint64(math.Float32bits(x))) * 0x100000001b3
	}
	return h
}

// parallel calls work for 0 to n-1 from all workers and waits for them.
func (b *batch) parallel(n int, work func(in *inserter, i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	run := func(in *inserter) {
		in.draft.reset()
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			work(in, i)
		}
	}
	for w := 1; w < len(b.workers); w++ {
		all.Go(func() { run(&b.workers[w]) })
	}
	run(&b.workers[0])
	all.Wait()
}

// draft works out the links of an item.
func (b *batch) draft(in *inserter, i int) {
	it := &b.items[i]
	before := len(in.draft.edits)
	in.mates = b.slots[:i]
	it.same = in.draftLinks(it.slot, noSlot)
	// A copy, because the worker's memory is used again for the links back.
	it.edits = make([]edit, 0, 2)
	for _, e := range in.draft.edits[before:] {
		e.to = slices.Clone(e.to)
		it.edits = append(it.edits, e)
	}
}

// settle decides what becomes of each item, in their order: nodes that found their
// vector share its node, and those whose tree neighbour has no room for all of
// them are inserted alone. It puts the links of the others in place.
func (b *batch) settle() {
	g := b.g
	joined := make(map[uint32]int, len(b.items))
	gone := make(map[uint32]bool)
	for i := range b.items {
		it := &b.items[i]
		if len(gone) > 0 {
			it.unlink(gone)
		}
		if it.same != noSlot {
			it.discard, gone[it.slot] = true, true
			continue
		}
		base := it.edits[len(it.edits)-1] // layer 0 comes last
		parent := base.to[0]
		if g.links.treeDegree(parent)+joined[parent] >= g.treeCapacity() {
			it.discard, gone[it.slot] = true, true
			b.later = append(b.later, it.position)
			continue
		}
		joined[parent]++
	}
	slices.Sort(b.later)
	for _, it := range b.items {
		if !it.discard {
			for _, e := range it.edits { // nobody reads these blocks yet
				g.links.set(e.slot, e.level, e.tree, e.to)
			}
		}
	}
}

// unlink takes links to slots that will not be there out of an item. None of them
// is a tree edge: those lead to nodes of the graph.
func (it *item) unlink(gone map[uint32]bool) {
	for i := range it.edits {
		e := &it.edits[i]
		e.to = slices.DeleteFunc(e.to, func(to uint32) bool { return gone[to] })
	}
}

// collectBacks lists the links that are due back, grouped by the block that they
// go to.
func (b *batch) collectBacks() {
	b.backs, b.groups = b.backs[:0], b.groups[:0]
	for _, it := range b.items {
		if it.discard {
			continue
		}
		for _, e := range it.edits {
			for at, to := range e.to {
				b.backs = append(b.backs, back{to, e.level, it.slot, at < e.tree})
			}
		}
	}
	slices.SortFunc(b.backs, func(x, y back) int {
		return cmp.Or(cmp.Compare(x.from, y.from), cmp.Compare(x.level, y.level), cmp.Compare(x.slot, y.slot))
	})
	for i := range b.backs {
		if i == 0 || b.backs[i].from != b.backs[i-1].from || b.backs[i].level != b.backs[i-1].level {
			b.groups = append(b.groups, i)
		}
	}
}

// draftBacks works out the blocks that change.
func (b *batch) draftBacks() []edit {
	b.parallel(len(b.groups), func(in *inserter, i int) {
		end := len(b.backs)
		if i+1 < len(b.groups) {
			end = b.groups[i+1]
		}
		group := b.backs[b.groups[i]:end]
		var tree, others []uint32
		for _, l := range group {
			if l.tree {
				tree = append(tree, l.slot)
			} else {
				others = append(others, l.slot)
			}
		}
		in.draftBacks(group[0].from, group[0].level, tree, others)
	})
	var edits []edit
	for i := range b.workers {
		edits = append(edits, b.workers[i].draft.edits...)
	}
	return edits
}

// put puts the links in place, a few at a time, and then lets all nodes be found.
// Until then they lead on.
func (b *batch) put(edits []edit) {
	g := b.g
	for stride := range slices.Chunk(edits, applyStride) {
		g.mu.Lock()
		for _, e := range stride {
			g.links.set(e.slot, e.level, e.tree, e.to)
		}
		g.mu.Unlock()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, it := range b.items {
		switch {
		case it.same != noSlot:
			g.rows.share(it.same, g.rows.ordinals[it.slot])
			g.discard(it.slot)
		case it.discard:
			g.discard(it.slot)
		default:
			g.rows.state[it.slot] = slotLive
			g.rows.slots.set(g.rows.ordinals[it.slot], it.slot)
		}
	}
}
