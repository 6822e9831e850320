package local

import (
	"context"

	"akin/internal/catalog"
)

// Rare implements catalog.Spelling.
func (v *view) Rare(ctx context.Context, text string, papers int) ([]catalog.RareWord, int, error) {
	found, known, err := v.words.Rare(ctx, text, papers)
	if err != nil {
		return nil, 0, err
	}
	out := make([]catalog.RareWord, len(found))
	for i, r := range found {
		out[i] = catalog.RareWord{Start: r.Start, End: r.End, Papers: r.Papers}
		for _, n := range r.Near {
			out[i].Near = append(out[i].Near, catalog.NearWord(n))
		}
	}
	return out, known, nil
}
