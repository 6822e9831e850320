package filter

import (
	"cmp"
	"context"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// batch is how many papers or values are looked at before changes, and whoever
// waits behind them, get a turn.
const batch = 1024

// evaluation compiles one filter. What it finds holds for papers that do not change
// meanwhile.
type evaluation struct {
	ctx context.Context //nolint:containedctx // of the one call that makes the evaluation
	x   *Index
}

func (e *evaluation) err() error { return e.ctx.Err() }

// locked calls f with the index's read lock.
func (e *evaluation) locked(f func()) {
	e.x.mu.RLock()
	defer e.x.mu.RUnlock()
	f()
}

// batches calls f for a few ordinals of a bitmap at a time, with the lock, in
// order.
func (e *evaluation) batches(within *roaring.Bitmap, f func(ordinals []uint32)) {
	ordinals := make([]uint32, batch)
	for many := within.ManyIterator(); e.err() == nil; {
		n := many.NextMany(ordinals)
		if n == 0 {
			return
		}
		e.locked(func() { f(ordinals[:n]) })
	}
}

// leaf gives the ordinals of within that satisfy a comparison, or a superset.
func (e *evaluation) leaf(l *leaf, within *roaring.Bitmap) (found *roaring.Bitmap, exact bool) {
	x := e.x
	switch l.field.name {
	case "date":
		return scan(e, &x.dates, l.days, within), true
	case "create_time":
		return scan(e, &x.created, l.times, within), true
	case "update_time":
		return scan(e, &x.updated, l.times, within), true
	}
	var a *attribute
	e.locked(func() {
		a = x.attribute(l)
		found, exact = x.direct(a, l, within)
	})
	switch {
	case found != nil:
		return found, exact
	case l.field.name == "signals":
		return scan(e, &a.numbers, l.numbers, within), true
	}
	return e.enumerate(a, l, within)
}

// direct answers a comparison that is one look-up; nil for any other. The caller
// holds the lock.
func (x *Index) direct(a *attribute, l *leaf, within *roaring.Bitmap) (found *roaring.Bitmap, exact bool) {
	switch {
	case a == nil && x.overflowed:
		return within.Clone(), false
	case a == nil:
		return roaring.New(), true
	case l.any:
		return roaring.And(a.present, within), true
	case l.field.name == "signals":
		return nil, false
	case a.ids == nil:
		found := roaring.And(a.present, within)
		return found, found.IsEmpty()
	case l.direct:
		if t := x.term(l); t != nil {
			return t.papers.in(within), true
		}
		return roaring.New(), true
	}
	return nil, false
}

// scan gives the ordinals of within whose value lies in the interval.
func scan[T cmp.Ordered](e *evaluation, c *column[T], in interval[T], within *roaring.Bitmap) *roaring.Bitmap {
	few := false
	e.locked(func() { few = within.GetCardinality() < uint64(c.len()/8) })
	found := roaring.New()
	if few {
		e.batches(within, func(ordinals []uint32) {
			c.each(ordinals, func(ordinal uint32, value T) {
				if in.has(value) {
					found.Add(ordinal)
				}
			})
		})
		return found
	}
	var marked dense
	for from, more := uint32(0), true; more && e.err() == nil; {
		var of uint32
		e.locked(func() { of, more = among(c, from, in, &marked) })
		if more {
			part := roaring.New()
			part.FromDense(marked[:], true)
			found.Or(roaring.AddOffset64(part, int64(of)<<container))
			from = (of + 1) << (container - pageBits)
		}
	}
	found.And(within)
	return found
}

// enumerate tries the values of an attribute: those that have a word in question
// where words are kept, else those of the few papers in question where that is
// less work, else all.
func (e *evaluation) enumerate(a *attribute, l *leaf, within *roaring.Bitmap) (found *roaring.Bitmap, exact bool) {
	x := e.x
	few, lookup := false, false
	ids := []uint32{} // of the terms to try
	e.locked(func() {
		values := a.ids.len()
		named := a.names != nil && l.phrase != nil
		lookup = named && len(l.phrase.whole()) > 0
		few = within.GetCardinality() < uint64(values/8)
		switch {
		case lookup || named && !few:
			ids = append(ids, a.names.candidates(*l.phrase)...)
			lookup = true
		case !few && values <= batch:
			ids = slices.AppendSeq(ids, a.ids.all())
			lookup = true
		}
	})
	accepts := func(id uint32) bool {
		t := x.terms[id]
		return t != nil && t.attribute == a && l.accepts(t.value)
	}
	switch {
	case lookup:
		found = e.union(ids, accepts, within)
	case few:
		found = roaring.New()
		e.batches(within, func(ordinals []uint32) {
			x.rows.each(ordinals, func(ordinal uint32, row []uint32) {
				if slices.ContainsFunc(row, func(id uint32) bool { return id&keyedMark == 0 && accepts(id) }) {
					found.Add(ordinal)
				}
			})
		})
	default:
		found = e.union(nil, accepts, within)
	}
	exact = true
	e.locked(func() {
		if a.ids == nil { // its values were given up meanwhile
			found, exact = roaring.And(a.present, within), false
		}
	})
	return found, exact
}

// union gives the ordinals of within that have any of some terms that are accepted;
// nil stands for all terms. Terms that come or go meanwhile are of papers that
// change.
func (e *evaluation) union(ids []uint32, accepts func(id uint32) bool, within *roaring.Bitmap) *roaring.Bitmap {
	found := roaring.New()
	for from, more := 0, true; more && e.err() == nil; from += batch {
		e.locked(func() {
			n := len(ids)
			if ids == nil {
				n = len(e.x.terms)
			}
			var some union
			for i := from; i < min(from+batch, n); i++ {
				id := uint32(i)
				if ids != nil {
					id = ids[i]
				}
				if accepts(id) {
					some.add(&e.x.terms[id].papers)
				}
			}
			some.into(found)
			more = from+batch < n
		})
	}
	found.And(within)
	return found
}
