package ann

import (
	"context"
	"slices"
)

// edit is new content for the links of one slot in one layer.
type edit struct {
	slot  uint32
	level int
	tree  int // how many of to, the first ones, are tree edges
	to    []uint32
}

// draft collects edits that are worked out while readers go on searching, and
// are then put in place at once. No slot is in it twice for one layer.
type draft struct {
	gauge
	edits []edit
	arena []uint32 // memory of the edits' links
	ranks []rank   // scratch
	fixed []uint32 // scratch
}

func (d *draft) reset() { d.edits, d.arena = d.edits[:0], d.arena[:0] }

// add copies to, so that the caller may go on using its memory.
func (d *draft) add(slot uint32, level, tree int, to []uint32) {
	from := len(d.arena)
	d.arena = append(d.arena, to...)
	d.edits = append(d.edits, edit{slot, level, tree, d.arena[from:len(d.arena):len(d.arena)]})
}

// apply puts the edits in place. Needs g.mu.
func (g *Graph) apply() {
	for _, e := range g.own.draft.edits {
		g.links.set(e.slot, e.level, e.tree, e.to)
	}
}

// reserve stores a vector in a slot that nobody links to or finds yet, and
// withdraws the one that it will replace, if any.
func (g *Graph) reserve(ordinal uint32, vector []float32, old uint32) (uint32, error) {
	level := g.levelOf(ordinal)
	if len(g.free) == 0 && len(g.rows.state) == cap(g.rows.state) {
		g.makeRoom()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var slot uint32
	if last := len(g.free) - 1; last >= 0 {
		slot = g.free[last]
		g.free = g.free[:last]
		g.rows.put(slot, ordinal, vector, slotReserved)
	} else {
		var err error
		if slot, err = g.rows.add(ordinal, vector, slotReserved); err != nil {
			return 0, err
		}
		g.links.add()
	}
	g.links.raise(slot, level)
	if old != noSlot {
		g.withdraw(old)
	}
	return slot, nil
}

// makeRoom moves the tables to larger memory while readers go on in the old.
func (g *Graph) makeRoom() {
	const least = 256
	rows, links := g.rows, g.links
	more := max(least, len(rows.state)/4)
	rows.grow(more)
	links.grow(more)
	g.mu.Lock()
	g.rows, g.links = rows, links
	g.mu.Unlock()
}

// inserter is what one goroutine needs to work out links. It only reads the
// graph.
type inserter struct {
	g       *Graph
	draft   draft
	chooser chooser
	mates   []uint32 // slots on their way in that may be linked to as well
	joined  []rank   // scratch: what was found, and mates
}

// draftNode drafts the links of a reserved slot and those back to it. If it comes
// upon a node with the same vector, it returns that one and the draft is of no
// use; otherwise noSlot.
func (in *inserter) draftNode(slot, old uint32) (same uint32) {
	in.draft.reset()
	if same = in.draftLinks(slot, old); same != noSlot {
		return same
	}
	for _, e := range in.draft.edits {
		for i, to := range e.to {
			in.draftBack(to, e.level, slot, i < e.tree)
		}
	}
	return noSlot
}

// draftLinks drafts the links of a reserved slot (arXiv:1603.09320, algorithm 1).
// No link is made to a node that is dead, or that is about to be (old). If it
// comes upon a node with the same vector, it returns that one.
func (in *inserter) draftLinks(slot, old uint32) (same uint32) {
	if in.g.entry == noSlot || in.g.entry == old {
		return noSlot // it will be the only live node
	}
	w := in.g.borrow()
	defer in.g.walks.Put(w)
	w.query = in.g.rows.probe(slot)
	b := beam{query: &w.query, ef: in.g.options.EfConstruction, except: old}
	top := min(int(in.g.links.levels[slot]), int(in.g.links.levels[in.g.entry]))
	seed := in.g.descend(w, b.query, top)
	for b.level = top; b.level >= 0; b.level-- {
		seeds := []uint32{seed, in.g.entry}
		if b.level > 0 || in.g.rows.state[seed] == slotLive {
			seeds = seeds[:1]
		}
		// The only error is the context's, and this one has none.
		_ = in.g.search(context.Background(), w, &b, seeds...)
		if same = in.sameVector(slot, w.ranks); same != noSlot {
			return same
		}
		if b.level == 0 {
			in.draftBase(slot, w.ranks, in.withMates(w, b))
		} else {
			in.draftLayer(slot, b.level, in.withMates(w, b))
		}
		if len(w.ranks) > 0 {
			seed = w.ranks[0].number()
		}
	}
	return noSlot
}

// sameVector returns the first slot found that has the same vector as slot, or
// noSlot.
func (in *inserter) sameVector(slot uint32, found []rank) uint32 {
	itself := in.g.rows.compare(slot, slot)
	for _, r := range found {
		// Lengths are only nearly 1, so that others may score higher.
		if r.score() < itself {
			break
		}
		if in.g.rows.equal(slot, r.number()) {
			return r.number()
		}
	}
	return noSlot
}

// withMates returns what a search found together with the mates that are as near,
// best first. It may be called for one beam after the other.
func (in *inserter) withMates(w *walk, b beam) []rank {
	if len(in.mates) == 0 {
		return w.ranks
	}
	least := rank(0)
	if len(w.ranks) >= b.ef {
		least = w.ranks[len(w.ranks)-1]
	}
	joined := append(in.joined[:0], w.ranks...)
	for i, score := range w.compareAll(&in.g.rows, b.query, in.mates) {
		mate := in.mates[i]
		if r := rankOf(score, mate); r > least && int(in.g.links.levels[mate]) >= b.level {
			joined = append(joined, r)
		}
	}
	in.joined = joined
	if len(joined) > len(w.ranks) {
		sortRanks(joined)
	}
	return joined
}

// draftLayer links a new slot in a layer above 0.
func (in *inserter) draftLayer(slot uint32, level int, found []rank) {
	in.chooser.begin(&in.g.rows, nil)
	chosen := in.chooser.fill(found, in.g.options.M)
	in.draft.add(slot, level, 0, chosen)
}

// draftBase links a new slot in layer 0, where it joins the tree at the nearest
// node found that has room.
func (in *inserter) draftBase(slot uint32, found, candidates []rank) {
	parent := in.parentFor(found)
	in.draft.fixed = append(in.draft.fixed[:0], parent)
	in.chooser.begin(&in.g.rows, in.draft.fixed)
	chosen := in.chooser.fill(candidates, in.g.options.M)
	in.draft.add(slot, 0, 1, chosen)
}

// parentFor picks the tree neighbour of a new node near which these were found.
func (in *inserter) parentFor(found []rank) uint32 {
	for _, r := range found {
		if in.g.links.treeDegree(r.number()) < in.g.treeCapacity() {
			return r.number()
		}
	}
	if len(found) > 0 {
		return in.g.treeRoom(found[0].number())
	}
	return in.g.treeRoom(in.g.entry)
}

// draftBack is draftBacks for one new slot.
func (in *inserter) draftBack(from uint32, level int, slot uint32, asTree bool) {
	if asTree {
		in.draftBacks(from, level, []uint32{slot}, nil)
	} else {
		in.draftBacks(from, level, nil, []uint32{slot})
	}
}

// draftBacks links new slots back from a node: some by tree edges, the others by
// links that have to compete with the node's own once there is no more room.
func (in *inserter) draftBacks(from uint32, level int, asTree, others []uint32) {
	g := in.g
	present := g.links.of(from, level)
	tree := 0
	if level == 0 {
		tree = g.links.treeDegree(from)
	}
	fixed := append(append(in.draft.fixed[:0], present[:tree]...), asTree...)
	in.draft.fixed = fixed
	ordinary := present[tree:]
	tree += len(asTree)
	capacity := g.links.capacity(level)
	all := append(append(fixed, ordinary...), others...)
	in.draft.fixed = all
	if len(all) <= capacity {
		in.draft.add(from, level, tree, all)
		return
	}
	ranks := in.rankAll(from, all[tree:])
	in.draft.ranks = ranks
	sortRanks(ranks)
	in.chooser.begin(&g.rows, all[:tree])
	in.draft.add(from, level, tree, in.chooser.fill(ranks, capacity))
}

// rankAll scores slots by their similarity to one, in scratch memory.
func (in *inserter) rankAll(to uint32, slots []uint32) []rank {
	ranks := in.draft.ranks[:0]
	p := in.g.rows.probe(to)
	for i, score := range in.draft.compareAll(&in.g.rows, &p, slots) {
		ranks = append(ranks, rankOf(score, slots[i]))
	}
	return ranks
}

// admit puts the drafted links in place and lets a reserved slot be found.
// Needs g.mu.
func (g *Graph) admit(slot uint32) {
	g.apply()
	g.rows.state[slot] = slotLive
	g.rows.slots.set(g.rows.ordinals[slot], slot)
	// The entry point is not live when slot replaces the only vector.
	if g.entry == noSlot || g.rows.live() == 1 || g.links.levels[slot] > g.links.levels[g.entry] {
		g.entry = slot
	}
}

// discard gives back a reserved slot that is not needed. Needs g.mu.
func (g *Graph) discard(slot uint32) {
	g.rows.state[slot] = slotFree
	g.links.clear(slot)
	g.free = append(g.free, slot)
}

// sortRanks sorts best first.
func sortRanks(ranks []rank) {
	slices.SortFunc(ranks, func(a, b rank) int {
		switch {
		case a > b:
			return -1
		case a < b:
			return 1
		}
		return 0
	})
}
