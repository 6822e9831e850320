package ann

import "context"

const (
	// fewTombstones are never worth a sweep.
	fewTombstones = 64
	// tombstoneShare: a sweep begins when there is more than one dead vector
	// for so many live ones. Recall does not suffer from 20 % (measured); the
	// bound is for memory and time.
	tombstoneShare = 8
	// sweepStride is how many slots each write sweeps. As a write makes at most
	// one slot more, a sweep ends before the writes of its time can leave more
	// than 1/15 of the index dead again.
	sweepStride = 16
	// fewSlots are never worth compaction.
	fewSlots = 1024
)

// sweep is a pass over all slots that takes links to a fixed set of dead slots,
// the condemned, out of the graph, so that they can be used again. As no new
// link is ever made to a dead slot, one pass is enough. Nodes that die
// meanwhile wait for the next one.
type sweep struct {
	condemned []uint32
	cursor    int // slots below it are done
	limit     int // most tombstones there can be before this sweep ends
}

func (s *sweep) active() bool { return len(s.condemned) > 0 }

// tombstoneBound is how many dead slots there may be without a sweep.
func tombstoneBound(live int) int { return max(fewTombstones, live/tombstoneShare) }

// Repair unlinks and wipes all deleted vectors and gives their room back. Writes do the
// same little by little when there are many; Repair is for a quiet hour, and
// before an index is saved. Other writers get in between its steps, so that
// what they delete meanwhile may remain.
func (g *Graph) Repair(ctx context.Context) error {
	g.writer.Lock()
	steps := len(g.rows.state)/sweepStride + 2
	unfinished := g.sweep.active() // its condemned are not all of the dead
	g.writer.Unlock()
	for pass := 0; pass < 2; pass++ {
		for range steps {
			if err := ctx.Err(); err != nil {
				return err
			}
			g.writer.Lock()
			if !g.sweep.active() && !g.beginSweep(0) {
				g.writer.Unlock()
				return nil
			}
			done := g.sweepSome()
			g.writer.Unlock()
			if done {
				break
			}
		}
		if !unfinished {
			break
		}
	}
	return nil
}

// repairSome does the share of a sweep that comes with each write.
func (g *Graph) repairSome() {
	if g.sweep.active() || g.beginSweep(tombstoneBound(g.rows.live())) {
		g.sweepSome()
	}
}

// beginSweep condemns the dead slots, if there are more than bound.
func (g *Graph) beginSweep(bound int) bool {
	if len(g.dead) <= bound {
		return false
	}
	used := len(g.rows.state) - len(g.free)
	g.sweep = sweep{condemned: g.dead, limit: len(g.dead) + used/(sweepStride-1) + 2}
	g.dead = nil
	g.mu.Lock()
	for _, slot := range g.sweep.condemned {
		g.rows.state[slot] = slotCondemned
	}
	g.mu.Unlock()
	return true
}

// sweepSome sweeps the next slots, ends the sweep after the last one, and says
// whether it did.
func (g *Graph) sweepSome() bool {
	g.own.draft.reset()
	w := g.borrow()
	defer g.walks.Put(w)
	for swept := 0; swept < sweepStride && g.sweep.cursor < len(g.rows.state); g.sweep.cursor++ {
		state := g.rows.state[g.sweep.cursor]
		if state == slotFree {
			continue
		}
		swept++
		if state == slotLive || state == slotDead {
			g.draftRepair(w, uint32(g.sweep.cursor))
		}
	}
	g.mu.Lock()
	g.apply()
	g.mu.Unlock()
	if g.sweep.cursor < len(g.rows.state) {
		return false
	}
	g.endSweep()
	return true
}

// draftRepair takes the condemned out of a slot's links. A live slot chooses
// among the links of the condemned to fill the gaps, after FreshDiskANN (Singh
// et al., arXiv:2105.09613, algorithm 4). Unlike there, the links that remain
// stay: choosing all again prunes more with every sweep, and without
// FreshDiskANN's slack for longer links that cost recall (measured: 0.88
// against 0.91 at efSearch 16 with three quarters deleted).
func (g *Graph) draftRepair(w *walk, slot uint32) {
	for level := 0; level <= int(g.links.levels[slot]); level++ {
		present := g.links.of(slot, level)
		tree := 0
		if level == 0 {
			tree = g.links.treeDegree(slot)
		}
		w.begin(len(g.rows.state))
		w.see(slot)
		w.fresh = w.fresh[:0]
		touched := false
		for _, to := range present {
			switch {
			case g.rows.state[to] == slotCondemned:
				touched = true
			case w.see(to):
				w.fresh = append(w.fresh, to)
			}
		}
		if !touched {
			continue
		}
		if g.rows.state[slot] != slotLive {
			g.own.draft.add(slot, level, tree, w.fresh)
			continue
		}
		g.own.chooser.begin(&g.rows, w.fresh)
		remain := len(w.fresh)
		g.inherit(w, present, level)
		ranks := g.own.rankAll(slot, w.fresh[remain:])
		g.own.draft.ranks = ranks
		sortRanks(ranks)
		g.own.draft.add(slot, level, tree, g.own.chooser.fill(ranks, g.links.capacity(level)))
	}
}

// inherit adds to w.fresh the live links of the condemned among present.
func (g *Graph) inherit(w *walk, present []uint32, level int) {
	for _, gone := range present {
		if g.rows.state[gone] != slotCondemned {
			continue
		}
		for _, to := range g.links.of(gone, level) {
			if g.rows.state[to] == slotLive && w.see(to) {
				w.fresh = append(w.fresh, to)
			}
		}
	}
}

// endSweep frees the condemned slots, which nobody links to any more.
func (g *Graph) endSweep() {
	g.mu.Lock()
	for _, slot := range g.sweep.condemned {
		g.rows.state[slot] = slotFree
		g.links.clear(slot)
	}
	g.mu.Unlock()
	for _, slot := range g.sweep.condemned { // no reader comes there any more
		g.rows.wipe(slot)
	}
	g.free = append(g.free, g.sweep.condemned...)
	g.sweep = sweep{}
	if slots := len(g.rows.state); slots > fewSlots && len(g.free) > slots/2 {
		g.compact()
	}
}

// compact moves the used slots together, in their order, and gives the memory
// of the others back. Readers go on in the old arrays until the new ones are
// ready.
func (g *Graph) compact() {
	used := len(g.rows.state) - len(g.free)
	moved := make([]uint32, len(g.rows.state)) // old slot -> new slot
	rows, to := newRows(g.dimension, g.rows.coded), newLinks(g.options.M)
	rows.lvq = g.rows.lvq
	rows.grow(used)
	to.grow(used)
	for old, state := range g.rows.state {
		if state == slotFree {
			continue
		}
		slot, err := rows.take(&g.rows, uint32(old), state)
		if err != nil {
			return // cannot be: there are fewer than before
		}
		moved[old] = slot
		to.add()
		to.raise(slot, int(g.links.levels[old]))
	}
	rows.slots = g.rows.slots.renumbered(moved)
	for slot, ordinals := range g.rows.sharers {
		rows.sharers[moved[slot]] = ordinals
	}
	rows.shared = g.rows.shared
	g.moveLinks(&to, moved)
	for i, slot := range g.dead {
		g.dead[i] = moved[slot]
	}
	g.free = nil
	rows.follow(&g.rows)
	g.mu.Lock()
	g.rows, g.links = rows, to
	if g.entry != noSlot {
		g.entry = moved[g.entry]
	}
	g.mu.Unlock()
}

// moveLinks copies all links, renumbered.
func (g *Graph) moveLinks(to *links, moved []uint32) {
	var list []uint32
	for old, state := range g.rows.state {
		if state == slotFree {
			continue
		}
		for level := 0; level <= int(g.links.levels[old]); level++ {
			list = list[:0]
			for _, other := range g.links.of(uint32(old), level) {
				list = append(list, moved[other])
			}
			tree := 0
			if level == 0 {
				tree = g.links.treeDegree(uint32(old))
			}
			to.set(moved[old], level, tree, list)
		}
	}
}
