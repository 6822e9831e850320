package filter

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// Bitmap compiles a filter to the ordinals of the papers that it keeps. Where
// exact is false, the index lacks what the filter asks for, and the bitmap may
// hold others besides: decide those with Filter.Match. It never lacks one that
// the filter keeps. The bitmap is the caller's own.
func (x *Index) Bitmap(f *Filter) (bm *roaring.Bitmap, exact bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if f.All() {
		return x.live.Clone(), true
	}
	return x.eval(f.root, x.live)
}

// eval gives the ordinals of within that a node keeps, or a superset. An AND
// goes from its most selective part to its least, each within what is left, so
// that a scan of dates next to a rare category looks at a few papers alone.
func (x *Index) eval(n *node, within *roaring.Bitmap) (*roaring.Bitmap, bool) {
	switch n.op {
	case nodeAnd:
		return x.and(n, within)
	case nodeOr:
		exact := true
		parts := make([]*roaring.Bitmap, 0, len(n.kids))
		for _, kid := range n.kids {
			part, ok := x.eval(kid, within)
			parts, exact = append(parts, part), exact && ok
		}
		return roaring.FastOr(parts...), exact
	}
	found, exact := x.leaf(n.leaf, within)
	switch {
	case !n.negated:
		return found, exact
	case !exact: // what a superset leaves out is a subset of the answer only
		return within.Clone(), false
	}
	return roaring.AndNot(within, found), true
}

func (x *Index) and(n *node, within *roaring.Bitmap) (*roaring.Bitmap, bool) {
	type part struct {
		node *node
		cost uint64
	}
	parts := make([]part, len(n.kids))
	for i, kid := range n.kids {
		parts[i] = part{kid, x.cost(kid)}
	}
	slices.SortStableFunc(parts, func(a, b part) int {
		if a.cost < b.cost {
			return -1
		}
		return int(min(a.cost-b.cost, 1))
	})
	exact := true
	for _, p := range parts {
		found, ok := x.eval(p.node, within)
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
	return 2*all + uint64(len(a.ids))
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
	if id, ok := a.ids[l.exact]; ok {
		return x.terms[id]
	}
	return nil
}

// leaf gives the ordinals of within that satisfy a comparison, or a superset.
func (x *Index) leaf(l *leaf, within *roaring.Bitmap) (*roaring.Bitmap, bool) {
	switch l.field.name {
	case "date":
		return scan(&x.dates, l.days, within), true
	case "create_time":
		return scan(&x.created, l.times, within), true
	case "update_time":
		return scan(&x.updated, l.times, within), true
	}
	a := x.attribute(l)
	switch {
	case a == nil && x.overflowed:
		return within.Clone(), false
	case a == nil:
		return roaring.New(), true
	case l.any:
		return roaring.And(a.present, within), true
	case l.field.name == "signals":
		return scan(&a.numbers, l.numbers, within), true
	case a.ids == nil:
		found := roaring.And(a.present, within)
		return found, found.IsEmpty()
	case l.direct:
		if t := x.term(l); t != nil {
			return t.papers.in(within), true
		}
		return roaring.New(), true
	}
	return x.enumerate(a, l, within), true
}

// enumerate tries the values of an attribute: those that have a word in question
// where words are kept, else those of the few papers in question where that is
// less work, else all.
func (x *Index) enumerate(a *attribute, l *leaf, within *roaring.Bitmap) *roaring.Bitmap {
	named := a.names != nil && l.phrase != nil
	lookup := named && len(l.phrase.whole()) > 0
	if !lookup && within.GetCardinality() < uint64(len(a.ids)/8) {
		found := roaring.New()
		x.rows.each(within, func(ordinal uint32, row []uint32) {
			if slices.ContainsFunc(row, func(id uint32) bool {
				return id&keyedMark == 0 && x.terms[id].attribute == a && l.accepts(x.terms[id].value)
			}) {
				found.Add(ordinal)
			}
		})
		return found
	}
	var all union
	if named {
		for _, id := range a.names.candidates(*l.phrase) {
			if l.accepts(x.terms[id].value) {
				all.add(&x.terms[id].papers)
			}
		}
		return all.in(within)
	}
	for value, id := range a.ids {
		if l.accepts(value) {
			all.add(&x.terms[id].papers)
		}
	}
	return all.in(within)
}
