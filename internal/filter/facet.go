package filter

import (
	"cmp"
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
func (x *Index) Facet(field string, within *roaring.Bitmap, limit int) ([]Count, error) {
	if !slices.Contains(facetFields(), field) {
		return nil, paper.InvalidField("facet", "%s cannot be counted; the fields are %s", clip(field), strings.Join(facetFields(), ", "))
	}
	if limit < 0 {
		return nil, paper.InvalidField("limit", "is %d; it must not be negative", limit)
	}
	if limit == 0 {
		limit = DefaultFacetValues
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.top(x.count(x.attributes[field], within), min(limit, MaxFacetValues)), nil
}

// tally is how many papers have a term.
type tally struct {
	id     uint32
	papers uint64
}

// count tallies the terms of an attribute over the papers of within. It goes by
// the papers rather than by the values: a corpus has more authors than a result
// has papers.
func (x *Index) count(a *attribute, within *roaring.Bitmap) []tally {
	tallies := make([]tally, 0, len(a.ids))
	if within == nil {
		for _, id := range a.ids {
			tallies = append(tallies, tally{id, x.terms[id].papers.count()})
		}
		return tallies
	}
	papers := make([]uint64, len(x.terms)) // of all attributes: asking which costs more
	x.rows.each(within, func(_ uint32, row []uint32) {
		for _, id := range row {
			if id&keyedMark == 0 {
				papers[id]++
			}
		}
	})
	for _, id := range a.ids {
		if papers[id] > 0 {
			tallies = append(tallies, tally{id, papers[id]})
		}
	}
	return tallies
}

// top gives the terms of the highest counts. It first finds the count that the
// last of them has, so that only candidates are sorted.
func (x *Index) top(tallies []tally, limit int) []Count {
	var most uint64
	for _, t := range tallies {
		most = max(most, t.papers)
	}
	having := make([]int, most+1)
	for _, t := range tallies {
		having[t.papers]++
	}
	least, total := most, 0
	for ; least > 1; least-- {
		if total += having[least]; total >= limit {
			break
		}
	}
	var top []Count
	for _, t := range tallies {
		if t.papers >= least {
			top = append(top, Count{x.terms[t.id].value, t.papers})
		}
	}
	slices.SortFunc(top, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Papers, a.Papers), strings.Compare(a.Value, b.Value))
	})
	return slices.Clip(top[:min(len(top), limit)])
}
