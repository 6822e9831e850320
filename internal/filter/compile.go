package filter

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// eval gives the ordinals of within that a node keeps, or a superset. An AND
// goes from its most selective condition to its least, each within what is left, so
// that a scan of dates next to a rare category looks at a few papers alone.
func (e *evaluation) eval(n *node, within *roaring.Bitmap) (*roaring.Bitmap, bool) {
	if e.err() != nil {
		return roaring.New(), true
	}
	switch n.op {
	case nodeAnd:
		return e.and(n, within)
	case nodeOr:
		exact := true
		alternatives := make([]*roaring.Bitmap, 0, len(n.kids))
		for _, kid := range n.kids {
			found, ok := e.eval(kid, within)
			alternatives, exact = append(alternatives, found), exact && ok
		}
		return roaring.FastOr(alternatives...), exact
	}
	found, exact := e.leaf(n.leaf, within)
	switch {
	case !n.negated:
		return found, exact
	case !exact: // what a superset leaves out is a subset of the answer only
		return within.Clone(), false
	}
	return roaring.AndNot(within, found), true
}

func (e *evaluation) and(n *node, within *roaring.Bitmap) (*roaring.Bitmap, bool) {
	type condition struct {
		node *node
		cost uint64
	}
	conditions := make([]condition, len(n.kids))
	e.x.mu.RLock()
	for i, kid := range n.kids {
		conditions[i] = condition{kid, e.x.cost(kid)}
	}
	e.x.mu.RUnlock()
	slices.SortStableFunc(conditions, func(a, b condition) int {
		if a.cost < b.cost {
			return -1
		}
		return int(min(a.cost-b.cost, 1))
	})
	exact := true
	for _, c := range conditions {
		found, ok := e.eval(c.node, within)
		if within = found; within.IsEmpty() {
			return within, true
		}
		exact = exact && ok
	}
	return within, exact
}

// cost is a guess of the work that a node makes and leaves, for the order of an
// AND: values looked up come first, scans next, what is not known last.
func (x *Index) cost(n *node) uint64 {
	all := x.live.GetCardinality()
	switch {
	case n.op != nodeLeaf:
		var total uint64
		for _, kid := range n.kids {
			total += x.cost(kid)
		}
		return total
	case n.leaf.direct && !n.negated:
		if t := x.term(n.leaf); t != nil {
			return t.papers.count()
		}
	}
	a := x.attribute(n.leaf)
	if a == nil {
		return all
	}
	if n.leaf.any || n.leaf.direct {
		return all
	}
	return 2*all + uint64(a.ids.len())
}

// attribute finds what the index keeps of a leaf's field; nil if nothing.
func (x *Index) attribute(l *leaf) *attribute {
	if l.field.keyed {
		return x.attributes[l.field.name+"."+l.key]
	}
	return x.attributes[l.field.name]
}

// term finds the one value that a direct leaf asks for.
func (x *Index) term(l *leaf) *term {
	a := x.attribute(l)
	if a == nil {
		return nil
	}
	if id, ok := x.find(a, l.exact); ok {
		return x.terms[id]
	}
	return nil
}
