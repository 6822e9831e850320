package engine

import (
	"context"
	"math"

	"akin/internal/catalog"
	"akin/internal/rank"
)

// Nearness says whether there is anything near a query.
type Nearness int

// What there can be.
const (
	// NearEnough: there is, or nobody knows.
	NearEnough Nearness = iota
	// NoWords: the query has no words, or only such as are in every text.
	NoWords
	// UnknownWords: no paper has most of its words, and by meaning nothing is near.
	UnknownWords
	// NothingNear: the nearest paper is no nearer than papers of the collection are to
	// each other.
	NothingNear
)

// surelyNear is a cosine that is near in every collection, where cosines use their range
// (rank.Usual).
const surelyNear = 0.4

// tellNearness says that nothing is near a query, by its vector. Results stay what they
// are.
func (s *search) tellNearness(ctx context.Context, a *asking, d *draft) error {
	if s.Mode == Lexical || len(d.hits) == 0 || len(d.answer.Names) > 0 {
		return nil
	}
	nearest := math.Inf(-1)
	for _, h := range d.hits {
		nearest = max(nearest, h.Semantic)
	}
	usual, err := a.usual(ctx)
	if err != nil || nearest >= usual.Cosine(surelyNear) {
		return err
	}
	unknown, known := 0, 1
	if speller, ok := a.view.(catalog.Spelling); ok {
		rare, others, err := speller.Rare(ctx, s.typed.Asked, 0)
		if err != nil {
			return err
		}
		unknown, known = len(rare), others
	}
	if wordless := unknown+known == 0; wordless && wordsIn(s.typed.Asked) <= catalog.MostSpelled {
		d.answer.Nearness = NoWords
		return nil
	}
	switch {
	case usual == rank.Usual{}, nearest >= usual.Mean+usual.Deviation: // as one in six pairs of papers are
		return nil
	case nearest >= surelyNear && unknown == 0:
		// Papers are all alike, by the model or by what they are about; which, nobody knows.
		return nil
	}
	d.answer.Nearness = NothingNear
	if unknown > 2*known {
		d.answer.Nearness = UnknownWords
	}
	return nil
}
