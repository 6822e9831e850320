package ann

// The edges of layer 0 are directed and are pruned, so nothing in the
// construction of Malkov & Yashunin keeps a node reachable: nodes that every
// neighbour has dropped, and islands of near-duplicates, are known to appear,
// and more of them after deletes (Xiao et al., MN-RU, arXiv:2407.07871).
//
// A Graph therefore keeps a spanning tree over its live nodes among the links
// of layer 0. Its edges run both ways and pruning leaves them alone. A new node
// joins it at its nearest neighbour that has room; a node that is deleted
// leaves it, and its tree neighbours are joined to each other. So every live
// node is reachable from every other, always, through live nodes alone, at the
// cost of about two links per node that construction would mostly have chosen
// anyway.

// treeCapacity is how many tree edges a node may have: half of its links, so
// that the other half stays free to be chosen for navigation.
func (g *Graph) treeCapacity() int { return g.links.m }

// treeRoom returns a node with room for a tree edge, in the part of the tree
// that start is in. A finite tree has leaves, so there always is one; nearly
// always it is start.
func (g *Graph) treeRoom(start uint32) uint32 {
	type step struct{ slot, from uint32 }
	queue := []step{{start, noSlot}}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		if g.links.treeDegree(s.slot) < g.treeCapacity() {
			return s.slot
		}
		for _, next := range g.links.tree(s.slot) {
			if next != s.from {
				queue = append(queue, step{next, s.slot})
			}
		}
	}
	return start // not reached
}

// treeLeave takes a node out of the tree and joins its tree neighbours to each
// other, each to the nearest of those before it. The node keeps its links as
// ordinary ones. Needs g.mu.
func (g *Graph) treeLeave(slot uint32) {
	parts := append([]uint32(nil), g.links.tree(slot)...)
	for _, part := range parts {
		g.links.demote(part, slot)
		g.links.demote(slot, part)
	}
	for i := 1; i < len(parts); i++ {
		nearest, score := parts[0], float32(-2)
		for _, other := range parts[:i] {
			if s := g.rows.compare(parts[i], other); s > score {
				nearest, score = other, s
			}
		}
		// The part of parts[i] and the part of those before it are not
		// connected yet, so the two ends differ and no cycle comes about.
		a, b := g.treeRoom(nearest), g.treeRoom(parts[i])
		g.treeJoin(a, b)
		g.treeJoin(b, a)
	}
}

// treeJoin makes to a tree edge of slot. Needs g.mu.
func (g *Graph) treeJoin(slot, to uint32) {
	g.links.promote(slot, to, func(ordinary []uint32) int {
		worst, score := 0, float32(2)
		for i, other := range ordinary {
			if s := g.rows.compare(slot, other); s < score {
				worst, score = i, s
			}
		}
		return worst
	})
}
