package local

import (
	"context"

	"akin/internal/paper"
	"akin/internal/rank"
)

// Dates implements View.
func (v *view) Dates(ctx context.Context, collection string, ordinals []uint32) ([]paper.Date, error) {
	m, err := v.of(collection)
	if err != nil {
		return nil, err
	}
	return m.attributes.Dates(ctx, ordinals)
}

// Venues implements View.
func (v *view) Venues(ctx context.Context, collection string, ordinals []uint32) ([]string, error) {
	m, err := v.of(collection)
	if err != nil {
		return nil, err
	}
	return m.attributes.Venues(ctx, ordinals)
}

// VectorsAt implements View.
func (v *view) VectorsAt(ctx context.Context, collection string, ordinals []uint32) ([][]float32, error) {
	m, err := v.of(collection)
	if err != nil {
		return nil, err
	}
	return m.vectors(ctx, ordinals)
}

// TermsAt implements View.
func (v *view) TermsAt(ctx context.Context, collection string, ordinals []uint32) ([][]rank.Term, error) {
	m, err := v.of(collection)
	if err != nil {
		return nil, err
	}
	out := make([][]rank.Term, len(ordinals))
	for i, o := range ordinals {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out[i] = m.terms(o)
	}
	return out, nil
}

// TermNames implements View.
func (v *view) TermNames(_ context.Context, collection string, terms []uint32) ([]string, error) {
	m, err := v.of(collection)
	if err != nil {
		return nil, err
	}
	return m.words.Names(terms), nil
}
