package filter

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/paper"
)

// Limits of the values that Facet gives.
const (
	DefaultFacetValues = 10
	MaxFacetValues     = 1000
)

// Count is one value of a field and how many papers have it.
type Count struct {
	// Value is in the spelling that the index saw first.
	Value  string
	Papers uint64
}

// facetFields are the fields that Facet counts.
func facetFields() []string { return []string{"category", "venue", "year", "author", "language"} }

// Facet counts the values that the papers of within have of a field: category,
// venue, year, author or language. A nil within means all papers. The most
// frequent values come first, equal counts in the order of the values; limit
// zero means DefaultFacetValues, and above MaxFacetValues means that.
func (v *View) Facet(ctx context.Context, field string, within *roaring.Bitmap, limit int) ([]Count, error) {
	if !slices.Contains(facetFields(), field) {
		return nil, paper.InvalidField("field", "%s cannot be counted; the fields are %s", clip(field), strings.Join(facetFields(), ", "))
	}
	if limit < 0 {
		return nil, paper.InvalidField("limit", "is %d; it must not be negative", limit)
	}
	if limit == 0 {
		limit = DefaultFacetValues
	}
	counts, err := v.count(ctx, field, within)
	if err != nil {
		return nil, err
	}
	return top(counts, min(limit, MaxFacetValues)), nil
}

// count counts the values of a field.
func (v *View) count(ctx context.Context, field string, within *roaring.Bitmap) ([]counted, error) {
	if within == nil {
		if counts, ok := v.countAll(field); ok {
			return counts, nil
		}
		var err error
		if within, err = v.All(ctx); err != nil {
			return nil, err
		}
	}
	t := &tally{x: v.x}
	var changed []uint32
	e := &evaluation{ctx: ctx, x: v.x}
	e.locked(func() { t.a = v.x.attributes[field] })
	e.batches(within, func(ordinals []uint32) {
		t.grow()
		if v.x.version != v.version {
			ordinals, changed = v.apart(ordinals, changed)
		}
		v.x.rows.each(ordinals, func(_ uint32, row []uint32) { t.add(row) })
	})
	t.close()
	if err := ctx.Err(); err != nil || len(changed) == 0 {
		return t.counts, err
	}
	records, err := v.records(ctx, changed)
	if err != nil {
		return nil, err
	}
	t.addRecords(records)
	return t.counts, nil
}

// apart moves the ordinals that changed since the view's moment to changed. The
// caller holds the lock.
func (v *View) apart(ordinals, changed []uint32) (kept, all []uint32) {
	kept = ordinals[:0]
	for _, o := range ordinals {
		if v.x.stamps.of(o) > v.version {
			changed = append(changed, o)
		} else {
			kept = append(kept, o)
		}
	}
	return kept, changed
}

// countAll counts the values of a field of all papers, if none changed since the
// view's moment.
func (v *View) countAll(field string) (counts []counted, ok bool) {
	v.x.mu.RLock()
	defer v.x.mu.RUnlock()
	if v.x.version != v.version {
		return nil, false
	}
	a := v.x.attributes[field]
	counts = make([]counted, 0, a.ids.len())
	for id := range a.ids.all() {
		t := v.x.terms[id]
		counts = append(counts, counted{t, t.papers.count()})
	}
	return counts, true
}

// counted is a term and how many papers have it. Of the term only the value is
// used, which does not change, whether or not the index still has the term.
type counted struct {
	*term
	n uint64
}

// tally counts the terms of an attribute over papers. It goes by the papers rather
// than by the values: a corpus has more authors than a result has papers. Terms
// themselves are looked at for the answer alone: they lie all over the memory.
type tally struct {
	x *Index
	a *attribute
	// papers counts the terms of all attributes.
	papers []uint64
	// counts are those of the attribute that a paper has, and ids their numbers.
	counts []counted
	ids    []uint32
}

// grow makes room for all terms. The caller holds the lock.
func (t *tally) grow() {
	if n := len(t.x.terms) - len(t.papers); n > 0 {
		t.papers = append(t.papers, make([]uint64, n)...)
	}
}

// add counts a paper. The caller holds the lock.
func (t *tally) add(row []uint32) {
	for _, id := range row {
		if id&keyedMark != 0 {
			continue
		}
		if t.papers[id]++; t.papers[id] == 1 && t.x.owners[id] == t.a {
			t.ids = append(t.ids, id)
			t.counts = append(t.counts, counted{term: t.x.terms[id]}) // which may be gone in the end
		}
	}
}

// close fills in the counts.
func (t *tally) close() {
	for at, id := range t.ids {
		t.counts[at].n = t.papers[id]
	}
}

// addRecords counts papers by what their records say.
func (t *tally) addRecords(records []*paper.Record) {
	places := make(map[string]int, len(t.counts))
	for i, c := range t.counts {
		places[t.a.field.same(c.value)] = i
	}
	for _, r := range records {
		if r == nil {
			continue
		}
		seen := make(map[string]bool)
		for _, value := range texts(r, t.a.field, "") {
			folded := t.a.field.same(value)
			if seen[folded] { // a value may be listed twice
				continue
			}
			seen[folded] = true
			at, ok := places[folded]
			if !ok {
				at = len(t.counts)
				places[folded] = at
				t.counts = append(t.counts, counted{term: &term{value: value}})
			}
			t.counts[at].n++
		}
	}
}

// top gives the highest counts. It first finds the count that the last of them
// has, so that only candidates are sorted.
func top(all []counted, limit int) []Count {
	var most uint64
	for i := range all {
		most = max(most, all[i].n)
	}
	having := make([]int, most+1)
	for i := range all {
		having[all[i].n]++
	}
	least, total := most, 0
	for ; least > 1; least-- {
		if total += having[least]; total >= limit {
			break
		}
	}
	var counts []Count
	for i := range all {
		if all[i].n >= least {
			counts = append(counts, Count{all[i].value, all[i].n})
		}
	}
	slices.SortFunc(counts, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Papers, a.Papers), strings.Compare(a.Value, b.Value))
	})
	return slices.Clip(counts[:min(len(counts), limit)])
}
