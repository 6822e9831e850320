package ann

import (
	"fmt"
	"math"
)

// State prints everything that decides what a graph answers, for tests that
// compare graphs bit by bit.
func State(g *Graph) string {
	g.writer.Lock()
	defer g.writer.Unlock()
	return fmt.Sprint(g.entry, g.rows.ordinals, string(g.rows.state), g.rows.vectors,
		string(g.links.levels), g.links.base, g.links.upperAt, g.links.upper,
		g.free, g.dead, g.sweep.condemned, g.sweep.cursor)
}

// LevelOf is the highest layer that an ordinal's node has.
func LevelOf(g *Graph, ordinal uint32) int { return g.levelOf(ordinal) }

// DeleteAndStrand deletes a vector of a higher layer and leaves its node as one
// whose neighbours have all gone before it: descents reach it from the entry
// point, and nothing can be reached from it.
func DeleteAndStrand(g *Graph, ordinal uint32) {
	slot := g.rows.slots[ordinal]
	if _, err := g.Delete(ordinal); err != nil {
		panic(err)
	}
	for level := range int(g.links.levels[slot]) + 1 {
		g.links.set(slot, level, 0, nil)
	}
	for level := 1; level <= int(g.links.levels[g.entry]); level++ {
		if level <= int(g.links.levels[slot]) {
			g.links.set(g.entry, level, 0, []uint32{slot})
		} else {
			g.links.set(g.entry, level, 0, nil)
		}
	}
}

// SetAlwaysWalk changes the option of a graph that nobody else uses.
func SetAlwaysWalk(g *Graph, always bool) { g.options.AlwaysWalk = always }

// The order of results, for its tests.
var (
	RankOf = rankOf
	Cosine = cosine
)

// Choose picks links for a node at 0 degrees of a circle from candidates, which
// are named by their positions.
func Choose(degrees []float64, fixed []uint32, limit int) []uint32 {
	r := newRows(2)
	var candidates []rank
	for i, d := range degrees {
		sin, cos := math.Sincos(d * math.Pi / 180)
		if _, err := r.add(uint32(i), []float32{float32(cos), float32(sin)}, slotLive); err != nil {
			panic(err)
		}
		candidates = append(candidates, rankOf(float32(cos), uint32(i)))
	}
	var c chooser
	c.begin(&r, fixed)
	return c.fill(candidates, limit)
}

// Rank is what RankOf gives.
type Rank = rank

// Unrank takes a rank apart.
func Unrank(r rank) (score float32, number uint32) { return r.score(), r.number() }

// BestOf keeps the best of ranks as searches do.
func BestOf(ranks []rank, limit int) []rank {
	var b best
	for _, r := range ranks {
		b.offer(r, limit)
	}
	return b.sorted(nil)
}

// HeapSort sorts by pushing and popping.
func HeapSort(ranks []rank) []rank {
	var h heap
	for _, r := range ranks {
		h.push(r)
	}
	var out []rank
	for len(h) > 0 {
		out = append(out, h.pop())
	}
	return out
}
