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

// count says for each term of an attribute how many papers of within have it.
// It goes by the papers rather than by the values: a corpus has more authors
// than a result has papers.
func (x *Index) count(a *attribute, within *roaring.Bitmap) []uint64 {
	counts := make([]uint64, len(x.terms))
	if within != nil {
		x.rows.each(within, func(_ uint32, row []uint32) {
			for _, id := range row {
				if id&keyedMark == 0 {
					counts[id]++
				}
			}
		})
	}
	for id, t := range x.terms {
		switch {
		case t == nil || t.attribute != a:
			counts[id] = 0
		case within == nil:
			counts[id] = t.papers.count()
		}
	}
	return counts
}

// top gives the terms of the highest counts. It first finds the count that the
// last of them has, so that only candidates are sorted.
func (x *Index) top(counts []uint64, limit int) []Count {
	having := make([]int, slices.Max(append(counts, 0))+1)
	for _, n := range counts {
		having[n]++
	}
	least := len(having) - 1
	for total := 0; least > 1; least-- {
		if total += having[least]; total >= limit {
			break
		}
	}
	var top []Count
	for id, n := range counts {
		if n >= uint64(max(least, 1)) {
			top = append(top, Count{x.terms[id].value, n})
		}
	}
	slices.SortFunc(top, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Papers, a.Papers), strings.Compare(a.Value, b.Value))
	})
	return slices.Clip(top[:min(len(top), limit)])
}
