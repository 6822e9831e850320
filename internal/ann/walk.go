package ann

import (
	"context"
	"errors"
	"math"

	"akin/internal/vec"
)

// walkStride is how many nodes a walk expands between looks at the context.
const walkStride = 64

// errBudget ends a walk that has come to cost more than a scan.
var errBudget = errors.New("walk over budget")

// walk is the working memory of one search through the graph. It is pooled: a
// search allocates nothing but its result.
type walk struct {
	marks    []uint16 // of each slot: the epoch in which it was seen last
	epoch    uint16
	frontier heap
	found    best
	ranks    []rank    // what the last beam found, as slots
	fresh    []uint32  // links of the node at hand that were not seen yet
	scores   []float32 // of fresh
	visited  int       // distances computed
}

// begin makes the walk forget what it has seen. Marks are compared with an
// epoch instead of being cleared, but for once in 65,535 times.
func (w *walk) begin(slots int) {
	if len(w.marks) < slots {
		w.marks = make([]uint16, slots+slots/4)
		w.epoch = 0
	}
	if w.epoch == math.MaxUint16 {
		clear(w.marks)
		w.epoch = 0
	}
	w.epoch++
	w.frontier = w.frontier[:0]
	w.found.reset()
}

// see marks a slot and says whether it was new.
func (w *walk) see(slot uint32) bool {
	if w.marks[slot] == w.epoch {
		return false
	}
	w.marks[slot] = w.epoch
	return true
}

// borrow takes a walk from the pool. The caller gives it back with g.walks.Put.
func (g *Graph) borrow() *walk {
	w, ok := g.walks.Get().(*walk)
	if !ok {
		w = new(walk)
	}
	w.visited = 0
	return w
}

// beam describes a search of one layer.
type beam struct {
	query  []float32
	level  int
	ef     int    // how many to find
	keep   Set    // of ordinals; nil for all
	except uint32 // a slot that must not be found, or noSlot
	budget int    // distances after which to give up; 0 for no limit
}

// accepts says whether a slot may be found, and not only passed through.
func (g *Graph) accepts(b *beam, slot uint32) bool {
	return g.rows.state[slot] == slotLive && slot != b.except && g.rows.keeps(slot, b.keep)
}

// descend goes greedily from the entry point through the layers above level
// and returns the node where it ends (arXiv:1603.09320, algorithm 5, lines
// 4-7, with ef = 1).
func (g *Graph) descend(w *walk, query []float32, level int) uint32 {
	at := g.entry
	score := vec.Dot(query, g.rows.at(at))
	w.visited++
	for layer := int(g.links.levels[at]); layer > level; layer-- {
		for moved := true; moved; {
			moved = false
			w.measure(&g.rows, query, g.links.of(at, layer))
			for i, s := range w.scores {
				if s > score {
					at, score, moved = w.fresh[i], s, true
				}
			}
		}
	}
	return at
}

// measure copies slots to w.fresh and scores them.
func (w *walk) measure(rows *rows, query []float32, slots []uint32) {
	w.fresh = append(w.fresh[:0], slots...)
	w.score(rows, query)
}

// score fills w.scores for w.fresh.
func (w *walk) score(rows *rows, query []float32) {
	if cap(w.scores) < len(w.fresh) {
		w.scores = make([]float32, len(w.fresh), 2*len(w.fresh))
	}
	w.scores = w.scores[:len(w.fresh)]
	vec.DotRows(w.scores, query, rows.vectors, w.fresh)
	w.visited += len(w.fresh)
}

// search finds the b.ef acceptable nodes of a layer that are nearest to the
// query, starting from the seeds (arXiv:1603.09320, algorithm 2), and leaves
// them in w.ranks as ranks of slots, best first. Nodes that are not acceptable
// lead on but do not count.
func (g *Graph) search(ctx context.Context, w *walk, b *beam, seeds ...uint32) error {
	w.begin(len(g.rows.state))
	w.fresh = w.fresh[:0]
	for _, seed := range seeds {
		if w.see(seed) {
			w.fresh = append(w.fresh, seed)
		}
	}
	w.score(&g.rows, b.query)
	g.take(w, b)
	for expanded := 1; len(w.frontier) > 0; expanded++ {
		if expanded%walkStride == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		next := w.frontier.pop()
		if w.found.len() >= b.ef && next.score() < w.found.worst().score() {
			break
		}
		w.fresh = w.fresh[:0]
		for _, to := range g.links.of(next.number(), b.level) {
			if w.see(to) {
				w.fresh = append(w.fresh, to)
			}
		}
		w.score(&g.rows, b.query)
		if b.budget > 0 && w.visited > b.budget {
			return errBudget
		}
		g.take(w, b)
	}
	w.ranks = w.found.sorted(w.ranks[:0])
	return nil
}

// take sorts the nodes in w.fresh into the frontier and what is found.
func (g *Graph) take(w *walk, b *beam) {
	for i, slot := range w.fresh {
		r := rankOf(w.scores[i], slot)
		if w.found.len() >= b.ef && r < w.found.worst() {
			continue
		}
		w.frontier.push(r)
		if g.accepts(b, slot) {
			w.found.offer(r, b.ef)
		}
	}
}
