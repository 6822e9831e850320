package weaviate

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"

	"akin/internal/vec"
)

// The constants of BM25, as in package lexical.
const (
	bm25K1 = 1.5
	bm25B  = 0.75
	// joinedWeight is how much another form of words counts in a query, beside them.
	joinedWeight = 0.5
)

// weights score the words of papers by the statistics of the whole collection, where the
// cluster knows those of a shard.
type weights struct {
	// known are the words of the query that a paper has, as it writes them.
	known []string
	// at leads from a term to its place in of, which is how much it weighs.
	at      map[string]int
	of      []float64
	average float64 // words of a paper
}

// weigh counts the papers that have the terms of a query.
func (v *view) weigh(ctx context.Context, a *asked) (*weights, error) {
	terms := slices.Sorted(maps.Keys(a.counts))
	have := make([]uint32, len(terms))
	err := each(ctx, len(terms), func(ctx context.Context, i int) (err error) {
		have[i], err = v.c.count(ctx, textIs(propTerms, terms[i]))
		return err
	})
	if err != nil {
		return nil, err
	}
	w := &weights{at: make(map[string]int, len(terms)), average: float64(v.head.Length) / float64(max(1, v.head.Papers))}
	for i, term := range terms {
		if have[i] > 0 {
			w.at[term] = len(w.of)
			w.of = append(w.of, a.counts[term]*rarity(v.head.Papers, have[i]))
		}
	}
	for i, term := range a.terms {
		if _, ok := w.at[term]; ok {
			w.known = append(w.known, a.written[i])
		}
	}
	return w, nil
}

// rarity is what a term weighs that some of all papers have.
func rarity(papers, have uint32) float64 {
	return math.Log1p((float64(max(papers, have)-have) + 0.5) / (float64(have) + 0.5))
}

// score is BM25 of a paper, without the constant factor.
func (w *weights) score(h *hit) float64 {
	if len(w.of) == 0 {
		return 0
	}
	counts := make([]float64, len(w.of))
	for term := range strings.SplitSeq(h.terms, " ") {
		if i, ok := w.at[term]; ok {
			counts[i]++
		}
	}
	norm := bm25K1 * (1 - bm25B + bm25B*float64(h.length)/max(w.average, 1))
	sum := 0.0
	for i, n := range counts {
		sum += w.of[i] * n / (n + norm)
	}
	return sum
}

// cosine compares a vector of unit length with a paper's; nil is near to nothing.
func cosine(vector []float32, of *hit) float64 {
	if vector == nil || len(of.vector) != 4*len(vector) {
		return 0
	}
	return float64(vec.Dot(vector, scaled(vectorFrom(of.vector), -of.scale)))
}
