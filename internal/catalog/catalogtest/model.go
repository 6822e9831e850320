package catalogtest

import (
	"cmp"
	"maps"
	"slices"

	"akin/internal/catalog"
	"akin/internal/filter"
	"akin/internal/paper"
)

// model is what a catalog should hold: papers and their vectors, by id.
type model map[string]modelled

type modelled struct {
	paper.Record
	vector []float32
}

// modelOf is what a catalog holds after changes that succeed.
func modelOf(changes []catalog.Mutation) model {
	m := make(model)
	for _, c := range changes {
		m.change(c)
	}
	return m
}

// change makes a change that is valid, and says what becomes of it.
func (m model) change(c catalog.Mutation) catalog.Change {
	old, there := m[c.Paper.ID]
	switch {
	case c.Delete && !there:
		return catalog.Missing
	case c.Delete:
		delete(m, c.Paper.ID)
		return catalog.Deleted
	case there && contentDigest(old.Paper) == contentDigest(c.Paper):
		return catalog.Unchanged
	}
	next := modelled{Record: paper.Record{Paper: c.Paper.Clone(), Revision: old.Revision + 1, TokenCount: old.TokenCount}, vector: old.vector}
	if c.Vector != nil {
		next.vector, next.TokenCount = c.Vector, c.TokenCount
	}
	m[c.Paper.ID] = next
	if there {
		return catalog.Updated
	}
	return catalog.Created
}

// kept gives the ids of the papers that count, in order.
func (m model) kept(r catalog.Restriction) []string {
	keep, err := filter.Parse(r.Filter)
	if err != nil {
		return nil
	}
	until := &filter.Filter{}
	if r.AsOf != "" {
		if until, err = filter.Parse("date <= " + r.AsOf); err != nil {
			return nil
		}
	}
	ids := []string{}
	for _, id := range slices.Sorted(maps.Keys(m)) {
		if r := m[id].Record; keep.Match(&r) && until.Match(&r) {
			ids = append(ids, id)
		}
	}
	return ids
}

// nearest gives the ids of the k papers nearest to a vector, best first, among those
// that a filter keeps.
func (m model) nearest(vector []float32, k int, text string) []string {
	ids := m.kept(catalog.Restriction{Filter: text})
	slices.SortStableFunc(ids, func(a, b string) int {
		return cmp.Compare(cosine(vector, m[b].vector), cosine(vector, m[a].vector))
	})
	return ids[:min(k, len(ids))]
}
