package ann

import "slices"

// chooser picks the links of one node from candidates by the diversity
// heuristic of Malkov & Yashunin (arXiv:1603.09320, algorithm 4, without
// extension and without keeping what was pruned): nearest first, a candidate
// is taken unless it is nearer to one that was taken than to the node.
type chooser struct {
	rows   *rows
	chosen []uint32
	fixed  int // how many of chosen had to be
}

// begin starts a choice with the links that the node has to keep.
func (c *chooser) begin(rows *rows, fixed []uint32) {
	c.rows, c.fixed = rows, len(fixed)
	c.chosen = append(c.chosen[:0], fixed...)
}

// fill chooses from candidates (ranks of slots by similarity to the node, best
// first) until limit links are chosen, and returns them all, the fixed ones
// first, in memory that the next begin reuses.
func (c *chooser) fill(candidates []rank, limit int) []uint32 {
	for _, r := range candidates {
		if len(c.chosen) >= limit {
			break
		}
		slot := r.number()
		if !slices.Contains(c.chosen[:c.fixed], slot) && !c.blocked(slot, r.score()) {
			c.chosen = append(c.chosen, slot)
		}
	}
	return c.chosen
}

// blocked says whether a candidate is nearer to one that was chosen than to the
// node. At equal distances it is not: rows of a grid have many.
func (c *chooser) blocked(slot uint32, score float32) bool {
	for _, other := range c.chosen {
		if c.rows.compare(slot, other) > score {
			return true
		}
	}
	return false
}
