package ann

import "slices"

// maxLevel is the highest layer of a graph. With M = 2, the least there can be,
// a corpus fills it at 2^31 vectors.
const maxLevel = 31

// links holds the edges of a graph, in three flat arrays without pointers: one
// block per slot for layer 0, and for the few slots that are in higher layers
// one run of blocks, one per layer.
//
// A block is a header and room for links. The header of layer 0 counts the
// links in its low half and, in its high half, how many of them, the first
// ones, are edges of the spanning tree (see tree.go).
type links struct {
	m       int      // room for links per slot and higher layer
	base    []uint32 // layer 0: blocks of 1 + 2m
	levels  []uint8  // highest layer of each slot
	upperAt []uint32 // of each slot in a higher layer: its first block in upper
	upper   []uint32 // higher layers: blocks of 1 + m
	// vacant lists the runs in upper that freed slots left, by length.
	vacant [maxLevel + 1][]uint32
}

func newLinks(m int) links { return links{m: m} }

// capacity returns the room for links in a block of a layer: twice as much in
// layer 0, as Malkov & Yashunin found best (arXiv:1603.09320, section 4.1).
func (l *links) capacity(level int) int {
	if level == 0 {
		return 2 * l.m
	}
	return l.m
}

// block returns the header and the room of a slot in a layer that it is in.
func (l *links) block(slot uint32, level int) []uint32 {
	size := 1 + l.capacity(level)
	if level == 0 {
		from := int(slot) * size
		return l.base[from : from+size : from+size]
	}
	from := (int(l.upperAt[slot]) + level - 1) * size
	return l.upper[from : from+size : from+size]
}

// of returns the links of a slot in a layer, in memory that the graph owns.
func (l *links) of(slot uint32, level int) []uint32 {
	block := l.block(slot, level)
	return block[1 : 1+block[0]&0xffff]
}

// treeDegree returns how many of a slot's links in layer 0 are tree edges.
func (l *links) treeDegree(slot uint32) int {
	return int(l.base[int(slot)*(1+2*l.m)] >> 16)
}

// tree returns the tree edges of a slot.
func (l *links) tree(slot uint32) []uint32 {
	return l.of(slot, 0)[:l.treeDegree(slot)]
}

// set replaces the links of a slot in a layer; the first tree ones are tree
// edges.
func (l *links) set(slot uint32, level, tree int, to []uint32) {
	block := l.block(slot, level)
	block[0] = uint32(len(to)) | uint32(tree)<<16
	copy(block[1:], to)
}

// grow makes room for n more slots.
func (l *links) grow(n int) {
	l.base = slices.Grow(l.base, n*(1+2*l.m))
	l.levels = slices.Grow(l.levels, n)
	l.upperAt = slices.Grow(l.upperAt, n)
}

// add makes room for one more slot, with no links.
func (l *links) add() {
	l.base = append(l.base, make([]uint32, 1+2*l.m)...)
	l.levels = append(l.levels, 0)
	l.upperAt = append(l.upperAt, 0)
}

// raise gives a slot without links its layers, up to level.
func (l *links) raise(slot uint32, level int) {
	l.levels[slot] = uint8(level)
	if level == 0 {
		return
	}
	if runs := l.vacant[level]; len(runs) > 0 {
		l.upperAt[slot] = runs[len(runs)-1]
		l.vacant[level] = runs[:len(runs)-1]
		return
	}
	l.upperAt[slot] = uint32(len(l.upper) / (1 + l.m))
	l.upper = append(l.upper, make([]uint32, level*(1+l.m))...)
}

// clear takes all links and layers from a slot.
func (l *links) clear(slot uint32) {
	level := int(l.levels[slot])
	for layer := 0; layer <= level; layer++ {
		l.set(slot, layer, 0, nil)
	}
	if level > 0 {
		l.vacant[level] = append(l.vacant[level], l.upperAt[slot])
	}
	l.levels[slot] = 0
}

// promote makes to a tree edge of slot. If it is not linked yet and there is no
// room, it takes the place of the link that worst names, which gets the links
// that are not tree edges and returns a position among them.
func (l *links) promote(slot, to uint32, worst func(ordinary []uint32) int) {
	block := l.block(slot, 0)
	count, tree := int(block[0]&0xffff), int(block[0]>>16)
	all := block[1:]
	at := slices.Index(all[:count], to)
	switch {
	case at >= 0:
	case count < len(all):
		at = count
		count++
	default:
		at = tree + worst(all[tree:count])
	}
	all[at] = all[tree]
	all[tree] = to
	block[0] = uint32(count) | uint32(tree+1)<<16
}

// demote makes the tree edge from slot an ordinary link.
func (l *links) demote(slot, to uint32) {
	block := l.block(slot, 0)
	tree := int(block[0] >> 16)
	all := block[1:]
	at := slices.Index(all[:tree], to)
	if at < 0 {
		return
	}
	all[at], all[tree-1] = all[tree-1], all[at]
	block[0] -= 1 << 16
}
