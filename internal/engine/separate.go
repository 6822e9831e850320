package engine

import (
	"context"
	"math"
	"slices"

	catalog "akin/internal/catalog/local"
	"akin/internal/rank"
)

// How machines are trained; docs/quality.md has what came of it.
const (
	// unjudged is how many papers of the collection stand for what nobody judged,
	// and machines how many share them.
	unjudged = 1000
	machines = 4
	// machineCost is the C of a machine, for papers whose vectors and words have
	// unit length together.
	machineCost = 3
	// machineShare is the part of a similarity that vectors have, words having the
	// others.
	machineShare = 0.5
)

// separate ranks by machines that keep the likes apart from the dislikes and from
// a sample of the collection.
func (e *asking) separate(ctx context.Context, q *query, req RecommendRequest, t *tasted, found *catalog.Recalled) error {
	sample, err := e.catalog.Background(ctx, q.collection, unjudged)
	if err != nil {
		return err
	}
	q.withoutExamples(&sample)
	likes, err := e.labeled(ctx, q.collection, req.Positive, t.likes, true)
	if err != nil {
		return err
	}
	dislikes, err := e.labeled(ctx, q.collection, req.Negative, t.dislikes, false)
	if err != nil {
		return err
	}
	terms, err := e.termsOf(ctx, q.collection, &sample)
	if err != nil {
		return err
	}
	others, ids := make([]rank.Labeled, len(sample.Hits)), make([]string, len(sample.Hits))
	for i, h := range sample.Hits {
		others[i] = rank.Labeled{Features: features(sample.Vectors[i], terms[i]), Cost: machineCost}
		ids[i] = h.ID
	}
	bag, err := rank.TrainBag(ctx, slices.Concat(likes, dislikes), others, ids, machines)
	if err != nil {
		return err
	}
	if terms, err = e.termsOf(ctx, q.collection, found); err != nil {
		return err
	}
	for i := range found.Hits {
		h := &found.Hits[i]
		h.Score = bag.Score(h.ID, features(found.Vectors[i], terms[i]))
	}
	return nil
}

// labeled makes examples for a machine. A weight counts against the heaviest of
// its list.
func (e *asking) labeled(ctx context.Context, collection string, examples []Example, vectors []rank.Weighted, liked bool) ([]rank.Labeled, error) {
	terms, err := e.allTerms(ctx, collection, examples)
	if err != nil {
		return nil, err
	}
	heaviest := 0.0
	for _, w := range vectors {
		heaviest = math.Max(heaviest, w.Weight)
	}
	out := make([]rank.Labeled, len(vectors))
	for i, w := range vectors {
		out[i] = rank.Labeled{Features: features(w.Vector, terms[i]), Liked: liked, Cost: machineCost * w.Weight / heaviest}
	}
	return out, nil
}

// features puts a paper's two unit vectors together.
func features(v []float32, terms []rank.Term) rank.Features {
	dense, sparse := float32(math.Sqrt(machineShare)), float32(math.Sqrt(1-machineShare))
	f := rank.Features{Dense: make([]float32, len(v)), Sparse: make([]rank.Term, len(terms))}
	for i, x := range v {
		f.Dense[i] = dense * x
	}
	for i, x := range terms {
		f.Sparse[i] = rank.Term{ID: x.ID, Weight: sparse * x.Weight}
	}
	return f
}
