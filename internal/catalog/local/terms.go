package local

import (
	"context"

	"akin/internal/paper"
	"akin/internal/rank"
)

// Terms implements catalog.Terms.
func (v *view) Terms(ctx context.Context, refs []paper.Ref) ([][]rank.Term, error) {
	ordinals, err := v.ordinals(ctx, refs)
	if err != nil {
		return nil, err
	}
	out := make([][]rank.Term, len(ordinals))
	for i, o := range ordinals {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found, err := v.words.Vector(o)
		if err != nil { // there is no such paper
			continue
		}
		out[i] = make([]rank.Term, len(found))
		for j, t := range found {
			out[i][j] = rank.Term{ID: t.ID, Weight: t.Weight}
		}
	}
	return out, nil
}

// TermNames implements catalog.Terms.
func (v *view) TermNames(_ context.Context, terms []uint32) ([]string, error) {
	return v.words.Names(terms), nil
}
