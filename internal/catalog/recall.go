package catalog

import (
	"cmp"
	"context"
	"slices"

	"akin/internal/paper"
	"akin/internal/rank"
)

// Recall finds the papers nearest to any of several vectors, with their own
// vectors, for a ranking that compares them in its own way.
func (c *Embedded) Recall(ctx context.Context, collection string, queries []Neighbors) (Recalled, error) {
	l, err := c.of(collection)
	if err != nil {
		return Recalled{}, err
	}
	var out Recalled
	seen := make(map[uint32]bool)
	for _, q := range queries {
		found, err := c.Neighbors(ctx, collection, q)
		if err != nil {
			return Recalled{}, err
		}
		out.Strategy, out.Sequence, out.Kept = max(out.Strategy, found.Strategy), found.Sequence, found.Kept
		out.Visited += found.Visited
		for _, h := range found.Hits {
			if !seen[h.Ordinal] {
				seen[h.Ordinal] = true
				out.Hits = append(out.Hits, h)
			}
		}
	}
	slices.SortFunc(out.Hits, func(a, b rank.Hit) int { return cmp.Compare(a.ID, b.ID) })
	ordinals := make([]uint32, len(out.Hits))
	for i, h := range out.Hits {
		ordinals[i] = h.Ordinal
	}
	vectors, err := c.vectors(ctx, l, ordinals)
	if err != nil {
		return Recalled{}, err
	}
	// A paper that was deleted meanwhile has none.
	kept := 0
	for i, v := range vectors {
		if v != nil {
			out.Hits[kept] = out.Hits[i]
			out.Vectors = append(out.Vectors, v)
			kept++
		}
	}
	out.Hits = out.Hits[:kept]
	return out, nil
}

// vectors gives the vectors of ordinals, nil where there is none: of the index,
// or, where that keeps none that can be asked for, of the store. The caller does
// not hold the read lock, unless the index is the baseline.
func (c *Embedded) vectors(ctx context.Context, l *live, ordinals []uint32) ([][]float32, error) {
	snapshot, err := c.config.Store.Snapshot(l.name)
	if err != nil {
		return nil, err
	}
	defer snapshot.Close()
	out := make([][]float32, len(ordinals))
	for i, o := range ordinals {
		v, err := snapshot.Vector(ctx, o)
		if err != nil && !missing(err) {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func missing(err error) bool { return paper.KindOf(err) == paper.NotFound }
