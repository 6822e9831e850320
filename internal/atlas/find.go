package atlas

import (
	"context"
	"iter"
	"slices"

	"akin/internal/catalog"
	"akin/internal/paper"
)

// MaxIDs is how many ids are looked up on a chart at once.
const MaxIDs = 10_000

// Papers reads papers of a chart by their numbers: parallel to them, nil for one that
// is gone since.
func (a *Atlas) Papers(ctx context.Context, collection string, c *Chart, numbers []uint32) ([]*paper.Record, error) {
	refs, err := c.Refs(numbers)
	if err != nil {
		return nil, err
	}
	view, err := a.catalog.View(ctx, collection)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	return view.Get(ctx, refs)
}

// Locate gives the numbers of papers that are on a chart, by id, ascending, and how many
// of the ids are not on it.
func (c *Chart) Locate(ids []string) (numbers []uint32, missing int) {
	for _, id := range ids {
		if n, ok := c.number[id]; ok {
			numbers = append(numbers, n)
		} else {
			missing++
		}
	}
	slices.Sort(numbers)
	return slices.Compact(numbers), missing
}

// Filter gives the numbers of the papers of the chart with a tag ("" is the newest) that a
// filter keeps, ascending, and how many it keeps that are not on it. A filter that is
// wrong is said whether or not there is a chart.
func (a *Atlas) Filter(ctx context.Context, collection, tag, filter string) (numbers []uint32, missing int, err error) {
	view, err := a.catalog.View(ctx, collection)
	if err != nil {
		return nil, 0, err
	}
	defer view.Close()
	var c *Chart
	for r, err := range keptBy(ctx, view, filter) {
		if err == nil && c == nil {
			c, err = a.Chart(collection, tag)
		}
		if err != nil {
			return nil, 0, err
		}
		if n, ok := c.number[r.ID]; ok {
			numbers = append(numbers, n)
		} else {
			missing++
		}
	}
	if c == nil { // the filter keeps nothing
		_, err = a.Chart(collection, tag)
	}
	slices.Sort(numbers)
	return numbers, missing, err
}

// keptBy gives the papers that a filter keeps, without reading them where the catalog can
// do that.
func keptBy(ctx context.Context, view catalog.View, filter string) iter.Seq2[paper.Ref, error] {
	return func(yield func(paper.Ref, error) bool) {
		if days, ok := view.(catalog.Days); ok {
			for p, err := range days.Newest(ctx, catalog.Newest{Filter: filter}) {
				if !yield(p.Ref, err) {
					return
				}
			}
			return
		}
		for r, err := range view.List(ctx, catalog.Listing{Filter: filter}) {
			var ref paper.Ref
			if err == nil {
				ref = r.Ref()
			}
			if !yield(ref, err) {
				return
			}
		}
	}
}
