package ann

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"akin/internal/vec"
)

// Stats describe a [Graph] at one moment.
type Stats struct {
	// Live vectors can be found; Shared of them have no node of their own but
	// that of another with the same vector. Tombstones are deleted and still
	// lead searches on; Free slots are memory to be used again.
	Live, Shared, Tombstones, Free int
	// Levels counts the live nodes in each layer, from layer 0.
	Levels []int
	// Entry is the ordinal where searches start, if Live is not 0.
	Entry uint32
	// Links counts the links of live nodes in layer 0; TreeLinks those of
	// them that are edges of the spanning tree, both directions.
	Links, TreeLinks int
	// Bytes is the memory of vectors, links and tables, about.
	Bytes int64
	// Kernel multiplies the vectors; see [vec.Kernel].
	Kernel string
}

// Stats counts. It takes time in proportion to the number of vectors and lets
// other readers go on.
func (g *Graph) Stats() Stats {
	g.mu.RLock()
	defer g.mu.RUnlock()
	s := Stats{Live: g.rows.slots.len(), Shared: g.rows.shared, Kernel: vec.Kernel(), Bytes: g.bytes()}
	if g.entry != noSlot {
		s.Entry = g.rows.ordinals[g.entry]
		s.Levels = make([]int, g.links.levels[g.entry]+1)
	}
	for slot, state := range g.rows.state {
		switch state {
		case slotFree:
			s.Free++
		case slotDead, slotCondemned:
			s.Tombstones++
		case slotLive:
			for level := range s.Levels[:g.links.levels[slot]+1] {
				s.Levels[level]++
			}
			s.Links += len(g.links.of(uint32(slot), 0))
			s.TreeLinks += g.links.treeDegree(uint32(slot))
		}
	}
	return s
}

// bytes adds up the arrays. Vectors that are mapped from a file are not counted.
func (g *Graph) bytes() int64 {
	words := cap(g.rows.vectors) + cap(g.rows.ordinals) + cap(g.rows.scales) +
		cap(g.links.base) + cap(g.links.upper) + cap(g.links.upperAt)
	return 4*int64(words) + int64(cap(g.rows.codes)+cap(g.rows.residuals)+cap(g.rows.state)+cap(g.links.levels)) + g.rows.slots.bytes()
}

// errAudit is what every error of [Graph.Check] wraps.
var errAudit = errors.New("graph audit")

func auditf(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errAudit}, args...)...)
}

// Check audits the graph and describes the first fault, if any: that every live
// vector can be reached in layer 0 from the entry point over the links that a
// search follows, that the tree spans the live vectors, that links lead where
// they may, that the tables agree and that tombstones are within bounds. It
// takes time in proportion to the number of links; writers wait, readers don't.
func (g *Graph) Check() error {
	g.writer.Lock()
	defer g.writer.Unlock()
	for _, audit := range []func() error{g.checkTables, g.checkLinks, g.checkTree, g.checkReach} {
		if err := audit(); err != nil {
			return err
		}
	}
	return nil
}

func (g *Graph) checkTables() error {
	slots := len(g.rows.state)
	vectors, residuals := slots*g.dimension, 0
	if g.rows.lvq {
		vectors, residuals = 0, slots*vec.ResidualBytes(g.dimension)
	}
	if len(g.rows.mapped)+len(g.rows.vectors) != vectors || len(g.rows.residuals) != residuals ||
		g.rows.coded && (len(g.rows.codes) != slots*g.dimension || len(g.rows.scales) != slots) || len(g.rows.ordinals) != slots ||
		len(g.links.levels) != slots || len(g.links.upperAt) != slots ||
		len(g.links.base) != slots*(1+2*g.links.m) {
		return auditf("the tables do not all have %d slots", slots)
	}
	count := map[slotState]int{}
	highest := uint8(0)
	for slot, state := range g.rows.state {
		count[state]++
		if state != slotLive {
			continue
		}
		highest = max(highest, g.links.levels[slot])
		ordinal := g.rows.ordinals[slot]
		if at, ok := g.rows.slots.get(ordinal); !ok || at != uint32(slot) {
			return auditf("ordinal %d is in slot %d, and its entry says %d", ordinal, slot, at)
		}
		if g.rows.lvq {
			continue
		}
		if n := vec.Norm(g.rows.at(uint32(slot))); !(math.Abs(n-1) <= unitTolerance) {
			return auditf("the vector of ordinal %d has length %v", ordinal, n)
		}
	}
	if err := g.checkSharers(); err != nil {
		return err
	}
	if err := g.checkRuns(); err != nil {
		return err
	}
	return g.checkCounts(count, highest)
}

// checkSharers makes sure that ordinals beside the first are listed both ways.
func (g *Graph) checkSharers() error {
	shared := 0
	for slot, ordinals := range g.rows.sharers {
		shared += len(ordinals)
		for _, ordinal := range ordinals {
			if at, ok := g.rows.slots.get(ordinal); !ok || at != slot || g.rows.state[slot] != slotLive {
				return auditf("ordinal %d shares slot %d, and its entry says %d", ordinal, slot, at)
			}
		}
	}
	if shared != g.rows.shared {
		return auditf("%d ordinals share slots, and %d are counted", shared, g.rows.shared)
	}
	return nil
}

// checkRuns makes sure that every block of the higher layers is in use or to be
// used again.
func (g *Graph) checkRuns() error {
	blocks := 0
	for _, level := range g.links.levels {
		blocks += int(level)
	}
	for length, runs := range g.links.vacant {
		blocks += length * len(runs)
	}
	if have := len(g.links.upper) / (1 + g.links.m); blocks != have {
		return auditf("%d blocks of higher layers are used or vacant, of %d", blocks, have)
	}
	return nil
}

func (g *Graph) checkCounts(count map[slotState]int, highest uint8) error {
	live, tombstones := g.rows.live(), len(g.dead)+len(g.sweep.condemned)
	limit := tombstoneBound(live)
	if g.sweep.active() {
		limit = g.sweep.limit
	}
	switch {
	case count[slotLive] != live || count[slotReserved] != 0 || count[slotFree] != len(g.free) ||
		count[slotDead] != len(g.dead) || count[slotCondemned] != len(g.sweep.condemned):
		return auditf("slots by state are %v; %d live, %d free, %d dead and %d condemned are listed",
			count, live, len(g.free), len(g.dead), len(g.sweep.condemned))
	case tombstones > limit:
		return auditf("%d tombstones with %d live nodes; there may be %d", tombstones, live, limit)
	case live == 0 && g.entry != noSlot, live > 0 && g.entry == noSlot:
		return auditf("%d live nodes and entry point %d", live, g.entry)
	case live > 0 && (g.rows.state[g.entry] != slotLive || g.links.levels[g.entry] != highest):
		return auditf("the entry point is not a live node of the highest layer, %d", highest)
	}
	return nil
}

func (g *Graph) checkLinks() error {
	for slot, state := range g.rows.state {
		if state == slotFree {
			continue
		}
		for level := 0; level <= int(g.links.levels[slot]); level++ {
			if err := g.checkBlock(uint32(slot), level); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *Graph) checkBlock(slot uint32, level int) error {
	if n := g.links.block(slot, level)[0] & 0xffff; int(n) > g.links.capacity(level) {
		return auditf("slot %d counts %d links in layer %d; there is room for %d", slot, n, level, g.links.capacity(level))
	}
	list := slices.Clone(g.links.of(slot, level))
	slices.Sort(list)
	for i, to := range list {
		switch {
		case int(to) >= len(g.rows.state):
			return auditf("slot %d links to %d, of %d slots", slot, to, len(g.rows.state))
		case to == slot, i > 0 && to == list[i-1]:
			return auditf("slot %d links to itself or twice to %d in layer %d", slot, to, level)
		case g.rows.state[to] == slotFree:
			return auditf("slot %d links to %d, which is free, in layer %d", slot, to, level)
		case int(g.links.levels[to]) < level:
			return auditf("slot %d links to %d in layer %d, above its highest, %d", slot, to, level, g.links.levels[to])
		}
	}
	return nil
}

// checkTree makes sure that the tree edges are symmetric, between live slots
// only, and as many as a spanning tree has; that they connect all is left to
// spread.
func (g *Graph) checkTree() error {
	edges := 0
	for slot, state := range g.rows.state {
		tree := g.links.tree(uint32(slot))
		if state != slotLive && len(tree) > 0 {
			return auditf("slot %d is not live and has %d tree edges", slot, len(tree))
		}
		if len(tree) > g.treeCapacity() {
			return auditf("slot %d has %d tree edges; it may have %d", slot, len(tree), g.treeCapacity())
		}
		for _, to := range tree {
			if !slices.Contains(g.links.tree(to), uint32(slot)) {
				return auditf("the tree edge from slot %d to %d has none back", slot, to)
			}
		}
		edges += len(tree)
	}
	if live := g.rows.live(); live > 0 && edges != 2*(live-1) {
		return auditf("%d live nodes and %d ends of tree edges; a spanning tree has %d", live, edges, 2*(live-1))
	}
	if n := g.spread(g.links.tree); n != g.rows.live() {
		return auditf("the tree reaches %d of %d live nodes", n, g.rows.live())
	}
	return nil
}

func (g *Graph) checkReach() error {
	n := g.spread(func(slot uint32) []uint32 { return g.links.of(slot, 0) })
	if n != g.rows.live() {
		return auditf("%d of %d live nodes can be reached in layer 0 from the entry point", n, g.rows.live())
	}
	return nil
}

// spread counts the live slots that can be reached from the entry point.
func (g *Graph) spread(next func(slot uint32) []uint32) int {
	if g.entry == noSlot {
		return 0
	}
	seen := make([]bool, len(g.rows.state))
	seen[g.entry] = true
	queue, live := []uint32{g.entry}, 0
	for len(queue) > 0 {
		slot := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if g.rows.state[slot] == slotLive {
			live++
		}
		for _, to := range next(slot) {
			if !seen[to] {
				seen[to] = true
				queue = append(queue, to)
			}
		}
	}
	return live
}
