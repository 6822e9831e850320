package ann

import (
	"context"
	"errors"
	"math"

	"akin/internal/vec"
)

// walkStride is how many nodes a walk expands between looks at the context.
const walkStride = 64

// errDearerThanScan ends a filtered walk that would cost more than scanning what the
// filter keeps.
var errDearerThanScan = errors.New("walk costs more than a scan")

// What a filtered walk will cost is first estimated when it has made one comparison
// for every firstEstimate rows that the scan in its place would compare, but no sooner
// than after leastCompared. A comparison of a walk takes as long as four to eight rows
// of a scan, so that a walk that is given up at the first estimate has cost about a
// tenth of the scan.
const (
	firstEstimate = 64
	leastCompared = 32
)

// walk is the working memory of one search. It is pooled: a search allocates
// nothing but its result, and not that if the caller gives room.
type walk struct {
	gauge
	scanner  scanner
	collect  func(uint32) bool // collectOne, made once
	query    probe             // what is searched for
	codes    []int8            // memory for its codes
	marks    []uint16          // of each slot: the epoch in which it was seen last
	epoch    uint16
	pool     pool
	frontier heap
	found    best
	ranks    []rank   // what the last beam found, as slots
	fresh    []uint32 // links of the node at hand that were not seen yet
	visited  int      // vectors compared
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
	w.fresh = w.fresh[:0]
}

// see marks a slot and says whether it was new.
func (w *walk) see(slot uint32) bool {
	if w.marks[slot] == w.epoch {
		return false
	}
	w.marks[slot] = w.epoch
	return true
}

// seeAll leaves in w.fresh those of the slots that were not seen, and marks them.
// Whether one was seen is as good as random, so it has no branch on that.
func (w *walk) seeAll(slots []uint32) {
	if cap(w.fresh) < len(slots) {
		w.fresh = make([]uint32, 0, 2*len(slots))
	}
	fresh, n := w.fresh[:len(slots)], 0
	marks, epoch := w.marks, w.epoch
	for _, slot := range slots {
		mark := &marks[slot]
		isNew := 0
		if *mark != epoch {
			isNew = 1
		}
		*mark = epoch
		fresh[n] = slot
		n += isNew
	}
	w.fresh = fresh[:n]
}

// borrow takes a walk from the pool. The caller gives it back with g.walks.Put.
func (g *Graph) borrow() *walk {
	w, ok := g.walks.Get().(*walk)
	if !ok {
		w = &walk{codes: make([]int8, g.dimension)}
	}
	w.visited = 0
	return w
}

// beam describes a search of one layer.
type beam struct {
	query  *probe
	level  int
	ef     int    // how many to find
	keep   Set    // of ordinals; nil for all
	except uint32 // a slot that must not be found, or noSlot
	dense  bool   // keep keeps so many that a pool can hold what only leads on

	// For a walk that is given up where a scan costs less:
	scanRows     int // how many rows the scan would compare; 0 if there must be none
	nextEstimate int // how many comparisons are made when the cost is estimated next
	near         int // nodes that were near enough to the query to be kept, but for the filter
	accepted     int // those of near that keep keeps
}

// dearerThanScan says whether a walk that has made so many comparisons is to be given
// up, because it has cost half a scan already, or is expected to cost more than one: it
// passes through near/accepted nodes for each that it may keep. Where the filter leaves
// out what is nearest to the query, these are far more than the filter's share of the
// whole index says. It estimates again after twice as many comparisons each time.
func (b *beam) dearerThanScan(visited int) bool {
	if b.scanRows == 0 || visited < b.nextEstimate {
		return false
	}
	b.nextEstimate = 2 * visited
	expected := filteredFactor * float64(b.ef) * float64(b.near)
	return visited > b.scanRows/2 || expected > float64(b.accepted)*float64(b.scanRows)
}

// admits says whether a node that is near enough to count may be found.
func (g *Graph) admits(b *beam, slot uint32) bool {
	b.near++
	if !g.accepts(b, slot) {
		return false
	}
	b.accepted++
	return true
}

// accepts says whether a slot may be found, and not only passed through.
func (g *Graph) accepts(b *beam, slot uint32) bool {
	return g.rows.state[slot] == slotLive && slot != b.except &&
		(b.keep == nil || g.rows.keeps(slot, b.keep))
}

// descend goes greedily from the entry point through the layers above level
// and returns the node where it ends (arXiv:1603.09320, algorithm 5, lines
// 4-7, with ef = 1).
func (g *Graph) descend(w *walk, query *probe, level int) uint32 {
	at := g.entry
	score := w.compareAll(&g.rows, query, []uint32{at})[0]
	w.visited++
	for layer := int(g.links.levels[at]); layer > level; layer-- {
		for moved := true; moved; {
			moved = false
			slots := g.links.of(at, layer)
			for i, s := range w.score(&g.rows, query, slots) {
				if s > score {
					at, score, moved = slots[i], s, true
				}
			}
		}
	}
	return at
}

// score is compareAll, counted.
func (w *walk) score(rows *rows, query *probe, slots []uint32) []float32 {
	w.visited += len(slots)
	return w.compareAll(rows, query, slots)
}

// search finds the b.ef acceptable nodes of a layer that are nearest to the
// query, starting from the seeds (arXiv:1603.09320, algorithm 2), and leaves
// them in w.ranks as ranks of slots, best first. Nodes that are not acceptable
// lead on but do not count.
func (g *Graph) search(ctx context.Context, w *walk, b *beam, seeds ...uint32) error {
	w.begin(len(g.rows.state))
	w.seeAll(seeds)
	// Under a filter that keeps few, most of what is seen leads on only, which a
	// pool would have to move about.
	if b.ef <= poolMost && (b.keep == nil || b.dense) {
		return g.searchPool(ctx, w, b)
	}
	return g.searchHeaps(ctx, w, b)
}

// searchPool goes on from the seeds in w.fresh.
func (g *Graph) searchPool(ctx context.Context, w *walk, b *beam) error {
	p := &w.pool
	p.reset(b.ef)
	for expanded := 0; ; expanded++ {
		scores := w.score(&g.rows, b.query, w.fresh)
		if b.dearerThanScan(w.visited) || b.scanRows > 0 && len(p.entries) > poolSlack*b.ef {
			return errDearerThanScan
		}
		g.fetchNext(w, b.level, scores)
		bar := p.bar() | entryFlags
		for i, slot := range w.fresh {
			if e := entryOf(scores[i], slot); e > bar {
				if g.admits(b, slot) {
					e |= entryAcceptable
				}
				p.insert(e)
				bar = p.bar() | entryFlags
			}
		}
		next := p.best()
		if next == 0 {
			break
		}
		if expanded%walkStride == walkStride-1 && ctx.Err() != nil {
			return ctx.Err()
		}
		p.expand()
		w.seeAll(g.links.of(next.slot(), b.level))
	}
	w.ranks = p.acceptable(w.ranks[:0])
	return nil
}

// fetchNext begins to fetch the links of the node that will be expanded next,
// while the nodes in w.fresh are sorted in.
func (g *Graph) fetchNext(w *walk, level int, scores []float32) {
	next := w.pool.best()
	for i, s := range scores {
		next = max(next, rankOf(s, w.fresh[i]<<2))
	}
	if next != 0 {
		vec.Prefetch(g.links.block(next.slot(), level))
	}
}

// searchHeaps goes on from the seeds in w.fresh.
func (g *Graph) searchHeaps(ctx context.Context, w *walk, b *beam) error {
	w.frontier = w.frontier[:0]
	w.found.reset()
	for expanded := 0; ; expanded++ {
		scores := w.score(&g.rows, b.query, w.fresh)
		if b.dearerThanScan(w.visited) {
			return errDearerThanScan
		}
		g.take(w, b, scores)
		if len(w.frontier) == 0 {
			break
		}
		if expanded%walkStride == walkStride-1 && ctx.Err() != nil {
			return ctx.Err()
		}
		next := w.frontier.pop()
		if w.found.len() >= b.ef && next < w.found.worst() {
			break
		}
		w.seeAll(g.links.of(next.number(), b.level))
	}
	w.ranks = w.found.sorted(w.ranks[:0])
	return nil
}

// take sorts the nodes in w.fresh into the frontier and what is found.
func (g *Graph) take(w *walk, b *beam, scores []float32) {
	for i, slot := range w.fresh {
		r := rankOf(scores[i], slot)
		if w.found.len() >= b.ef && r < w.found.worst() {
			continue
		}
		w.frontier.push(r)
		if g.admits(b, slot) {
			w.found.offer(r, b.ef)
		}
	}
}
