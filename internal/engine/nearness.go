package engine

import (
	"context"
	"math"

	"akin/internal/catalog"
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

const (
	// surelyNear is a cosine that is near in every collection.
	surelyNear = 0.4
	// backgroundPapers is how many papers stand for a collection. Their pairs, two
	// thousand, say how near papers of it are to each other that have nothing in common.
	backgroundPapers = 64
)

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
	if nearest >= surelyNear {
		return nil
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
	usual, err := a.usualCosine(ctx)
	if err != nil || nearest >= usual {
		return err
	}
	d.answer.Nearness = NothingNear
	if unknown > 2*known {
		d.answer.Nearness = UnknownWords
	}
	return nil
}

// usualCosine is what one in six pairs of papers of the collection exceed: the mean of
// their cosines and one deviation. It is -1 where a collection has too few to tell.
func (a *asking) usualCosine(ctx context.Context) (float64, error) {
	sampler, ok := a.view.(catalog.Sampler)
	if !ok || a.info.Papers < backgroundPapers {
		return -1, nil
	}
	refs, err := sampler.Background(ctx, backgroundPapers)
	if err != nil {
		return 0, err
	}
	vectors, err := a.view.Vectors(ctx, refs)
	if err != nil {
		return 0, err
	}
	var n, sum, squares float64
	for i, v := range vectors {
		for _, w := range vectors[:i] {
			if len(v) == 0 || len(v) != len(w) {
				continue
			}
			var dot float32
			for k := range v {
				dot += float32(v[k] * w[k]) // rounded, on every machine alike
			}
			n, sum, squares = n+1, sum+float64(dot), squares+float64(float64(dot)*float64(dot))
		}
	}
	if n == 0 {
		return -1, nil
	}
	mean := sum / n
	return mean + math.Sqrt(max(0, squares/n-float64(mean*mean))), nil
}
