package engine

import (
	"context"
	"strconv"
	"time"

	"akin/internal/catalog"
	"akin/internal/paper"
	"akin/internal/rank"
)

const (
	// likesAsked is how many likes are asked for neighbours; of more, as many
	// are taken evenly from the list. All likes judge what was found.
	likesAsked = 64
	// nearLike is how many neighbours each of them brings in.
	nearLike = 200
)

// Recommend answers a taste.
func (e *Engine) Recommend(ctx context.Context, req RecommendRequest) (*Answer, error) {
	q := query{name: "recommend", collection: req.Collection, options: req.ResultOptions, parts: []string{strconv.Itoa(int(req.Strategy))}, ownField: "positive"}
	if len(req.Positive) == 0 {
		return nil, paper.InvalidField("positive", "is empty; give 1 to %d liked papers", MaxExamples)
	}
	for _, list := range []struct {
		field    string
		examples []Example
	}{{"positive", req.Positive}, {"negative", req.Negative}} {
		if err := checkExamples(list.field, list.examples); err != nil {
			return nil, err
		}
		q.parts = append(q.parts, list.field)
		for _, x := range list.examples {
			q.parts = append(q.parts, x.key()...)
			if x.Text == nil {
				q.leaveOut = append(q.leaveOut, x.PaperID)
			}
		}
	}
	q.against = e.againstExamples(req.Positive)
	if req.Strategy == MeanVector {
		q.vector = func(ctx context.Context, collection string, _ *Answer) ([]float32, error) {
			return e.combine(ctx, collection, "positive", req.Positive, "negative", req.Negative)
		}
		return e.answer(ctx, q)
	}
	q.rank = func(ctx context.Context, q *query, list *pinned) (catalog.Found, error) {
		return e.taste(ctx, q, list, req)
	}
	return e.answer(ctx, q)
}

// taste ranks what is near the likes by rank.TopMean.
func (e *Engine) taste(ctx context.Context, q *query, list *pinned, req RecommendRequest) (catalog.Found, error) {
	likes, err := e.resolve(ctx, q.collection, "positive", req.Positive)
	if err != nil {
		return catalog.Found{}, err
	}
	dislikes, err := e.resolve(ctx, q.collection, "negative", req.Negative)
	if err != nil {
		return catalog.Found{}, err
	}
	begin := time.Now()
	defer func() { list.answer.Timing.Search = time.Since(begin) }()
	found, err := e.catalog.Recall(ctx, q.collection, q.neighbors(nil, 0), q.around(likes))
	if err != nil {
		return catalog.Found{}, err
	}
	top := rank.TopLikes
	if req.Strategy == BestScore {
		top = 1
	}
	list.drivers = make(map[string][]rank.Contribution, len(found.Hits))
	for i := range found.Hits {
		if err := ctx.Err(); err != nil {
			return catalog.Found{}, err
		}
		h := &found.Hits[i]
		parts := rank.Contributions(rank.Similarities(found.Vectors[i], likes), rank.Similarities(found.Vectors[i], dislikes), top)
		h.Semantic = rank.Sum(parts)
		h.Score = h.Semantic
		list.drivers[h.ID] = parts
	}
	if req.Strategy == HybridMean {
		if err := e.weighWords(ctx, q.collection, req.Positive, list.drivers, &found); err != nil {
			return catalog.Found{}, err
		}
	}
	rank.Sort(found.Hits)
	return catalog.Found{Hits: found.Hits, Strategy: found.Strategy, Visited: found.Visited, Kept: found.Kept, Sequence: found.Sequence}, nil
}

// weighWords makes the scores hybrid: the likes' part of the vectors and that of
// words, standardised and weighed; what a dislike takes away is taken away after
// that, so that it raises nothing. Examples that are texts have no part in the
// words.
func (e *Engine) weighWords(ctx context.Context, collection string, likes []Example, parts map[string][]rank.Contribution, found *catalog.Recalled) error {
	var ids []string
	for _, x := range likes {
		if x.Text == nil {
			ids = append(ids, x.PaperID)
		}
	}
	known, err := e.catalog.Terms(ctx, collection, ids)
	if err != nil {
		return err
	}
	var terms [][]rank.Term
	for _, id := range ids {
		terms = append(terms, known[id])
	}
	if len(terms) == 0 {
		return nil
	}
	examples := rank.NewTermExamples(terms)
	near, words, penalty := make([]float64, len(found.Hits)), make([]float64, len(found.Hits)), make([]float64, len(found.Hits))
	var scratch []float64
	for i := range found.Hits {
		h := &found.Hits[i]
		for _, p := range parts[h.ID] {
			if p.Liked {
				near[i] += p.Value
			} else {
				penalty[i] += p.Value
			}
		}
		words[i], scratch = examples.TopMean(found.Terms[i], rank.TopLikes, scratch)
		h.Lexical = words[i]
	}
	for i, score := range rank.FuseTaste(near, words, penalty, semanticWeight) {
		found.Hits[i].Score = score
	}
	return nil
}

// around asks for what is near the likes: near their mean, and near each one, so
// that a taste of several kinds finds papers of every kind.
func (q *query) around(likes []rank.Weighted) []catalog.Probe {
	var probes []catalog.Probe
	if mean, err := rank.MeanVector(likes, nil); err == nil {
		probes = append(probes, catalog.Probe{Vector: mean, K: MaxResults + len(q.leaveOut)})
	}
	step := max(1, (len(likes)+likesAsked-1)/likesAsked)
	for i := 0; i < len(likes); i += step {
		probes = append(probes, catalog.Probe{Vector: likes[i].Vector, K: nearLike + len(q.leaveOut)})
	}
	return probes
}
