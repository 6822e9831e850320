package engine

import (
	"context"
	"slices"

	"akin/internal/rank"
)

// cut leaves out the query's own papers and what min_score refuses, and says why
// nothing is left.
func (q *query) cut(hits []rank.Hit, lost losses) ([]rank.Hit, EmptyReason) {
	own := make(map[string]bool, len(q.leaveOut))
	for _, id := range q.leaveOut {
		own[id] = true
	}
	hits = slices.DeleteFunc(hits, func(h rank.Hit) bool { return own[h.ID] })
	switch {
	case len(hits) > 0:
	case lost.own+lost.dropped > 0:
		return nil, OnlyExamples
	default:
		return nil, NoMatch
	}
	if s := q.options.MinScore; s != nil {
		hits = slices.DeleteFunc(hits, func(h rank.Hit) bool { return below(h.Semantic, *s) })
	}
	if len(hits) == 0 {
		return nil, BelowMinScore
	}
	return hits, NotEmpty
}

// below says whether a cosine is less than another by more than sums of float32
// are wrong, so that a paper's own cosine is not below 1.
func below(cosine, least float64) bool { return cosine < least-cosineError }

const cosineError = 1e-6

// collapse takes versions and near-duplicates of earlier hits, and of the query's
// own papers, out of a list, which keeps what stands for what.
func (e *asking) collapse(ctx context.Context, q *query, list *pinned) (err error) {
	if q.options.KeepVersions || len(list.hits) == 0 {
		return nil
	}
	before := len(list.hits)
	if list.hits, list.collapsed, err = e.catalog.Collapse(ctx, q.collection, list.hits, q.leaveOut); err != nil {
		return err
	}
	list.lost.versions = before - len(list.hits)
	if len(list.hits) == 0 {
		list.answer.Empty = OnlyExamples
	}
	return nil
}

// diverse is how many of the first results are made to differ.
const diverse = 100

// diversify reorders the first hits by maximal marginal relevance.
func (e *asking) diversify(ctx context.Context, q *query, hits []rank.Hit) error {
	if q.options.Diversity == 0 {
		return nil
	}
	// Those that may come forward from further down are looked at as well.
	hits = hits[:min(len(hits), 2*diverse)]
	ids, scores := make([]string, len(hits)), make([]float64, len(hits))
	for i, h := range hits {
		ids[i], scores[i] = h.ID, h.Score
	}
	known, err := e.catalog.Vectors(ctx, q.collection, ids)
	if err != nil {
		return err
	}
	vectors := make([][]float32, len(hits))
	for i, id := range ids {
		if vectors[i] = known[id]; vectors[i] == nil { // deleted meanwhile
			vectors[i] = make([]float32, e.Space().Dimension)
		}
	}
	before := slices.Clone(hits)
	for i, at := range rank.Diversify(scores, vectors, diverse, q.options.Diversity) {
		hits[i] = before[at]
	}
	return nil
}
