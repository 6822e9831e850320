package catalog

import (
	"context"

	"akin/internal/paper"
	"akin/internal/rank"
)

// Dates gives the publication dates of papers, parallel to ordinals and without
// touching the disk; the zero date where a paper has none, or is not there.
func (c *Embedded) Dates(_ context.Context, collection string, ordinals []uint32) ([]paper.Date, error) {
	l, err := c.of(collection)
	if err != nil {
		return nil, err
	}
	return l.attributes.Dates(ordinals), nil
}

// Venues gives the venues of papers, parallel to ordinals and without touching
// the disk, one spelling for all that differ in case alone; "" where a paper has
// none, or is not there.
func (c *Embedded) Venues(_ context.Context, collection string, ordinals []uint32) ([]string, error) {
	l, err := c.of(collection)
	if err != nil {
		return nil, err
	}
	return l.attributes.Venues(ordinals), nil
}

// VectorsAt gives the vectors of papers, parallel to ordinals; nil where a paper
// is not there.
func (c *Embedded) VectorsAt(ctx context.Context, collection string, ordinals []uint32) ([][]float32, error) {
	l, err := c.of(collection)
	if err != nil {
		return nil, err
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	return c.vectors(ctx, l, ordinals)
}

// TermsAt gives the tf-idf vectors of papers, unit length each, parallel to
// ordinals; nil where a paper is not there.
func (c *Embedded) TermsAt(ctx context.Context, collection string, ordinals []uint32) ([][]rank.Term, error) {
	l, err := c.of(collection)
	if err != nil {
		return nil, err
	}
	out := make([][]rank.Term, len(ordinals))
	for i, o := range ordinals {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out[i] = l.terms(o)
	}
	return out, nil
}

// TermNames gives a word to show for each of some terms.
func (c *Embedded) TermNames(_ context.Context, collection string, terms []uint32) ([]string, error) {
	l, err := c.of(collection)
	if err != nil {
		return nil, err
	}
	return l.words.Names(terms), nil
}
