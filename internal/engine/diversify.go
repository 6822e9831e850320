package engine

import (
	"context"
	"slices"

	"akin/internal/rank"
)

// diverse is how many of the first results are made to differ.
const diverse = 100

// diversify reorders the first hits by maximal marginal relevance.
func (a *asking) diversify(ctx context.Context, d *draft) error {
	diversity := d.query.options.Diversity
	if diversity == 0 {
		return nil
	}
	// Those that may come forward from further down are looked at as well.
	hits := d.hits[:min(len(d.hits), 2*diverse)]
	vectors, err := a.view.Vectors(ctx, refsOf(hits))
	if err != nil {
		return err
	}
	scores := make([]float64, len(hits))
	vectors = slices.Clone(vectors)
	for i, h := range hits {
		if scores[i] = h.Score; vectors[i] == nil { // deleted meanwhile
			vectors[i] = make([]float32, a.info.Space.Dimension)
		}
	}
	before := slices.Clone(hits)
	for i, at := range rank.Diversify(scores, vectors, diverse, diversity) {
		hits[i] = before[at]
	}
	return nil
}
