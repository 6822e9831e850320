package engine

import (
	"context"
	"math"
	"slices"

	"akin/internal/catalog"
	"akin/internal/rank"
)

// How support vector machines are trained; docs/quality.md has what came of it.
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

// classify ranks by support vector machines that keep the likes apart from the
// dislikes and from a sample of the collection. It is refused where the catalog
// tells no words, or has no sample.
func (a *asking) classify(ctx context.Context, d *draft, r *recommend, t *tasted, p *pool) error {
	c, ok := a.terms()
	if !ok {
		return refuse("recommend by support vector machines", catalog.CapTerms)
	}
	sampler, ok := a.sampler()
	if !ok {
		return refuse("recommend by support vector machines", catalog.CapSampler)
	}
	others, err := a.background(ctx, sampler, unjudged)
	if err != nil {
		return err
	}
	own := d.ownSet()
	others.keep(func(i int) bool { return !own[others.hits[i].ID] })
	bag, err := trainBag(ctx, c, r, t, others)
	if err != nil {
		return err
	}
	terms, err := c.Terms(ctx, refsOf(p.hits))
	if err != nil {
		return err
	}
	for i := range p.hits {
		h := &p.hits[i]
		h.Score = bag.Score(h.ID, features(p.vectors[i], terms[i]))
	}
	return nil
}

// trainBag trains machines with examples, and with other papers that stand for what
// nobody judged.
func trainBag(ctx context.Context, c catalog.Terms, r *recommend, t *tasted, others *pool) (*rank.Bag, error) {
	likes, err := labeled(ctx, c, r.Positive, t.likes, true)
	if err != nil {
		return nil, err
	}
	dislikes, err := labeled(ctx, c, r.Negative, t.dislikes, false)
	if err != nil {
		return nil, err
	}
	terms, err := c.Terms(ctx, refsOf(others.hits))
	if err != nil {
		return nil, err
	}
	rows, ids := make([]rank.Labeled, len(others.hits)), make([]string, len(others.hits))
	for i, h := range others.hits {
		rows[i] = rank.Labeled{Features: features(others.vectors[i], terms[i]), Cost: machineCost}
		ids[i] = h.ID
	}
	return rank.TrainBag(ctx, slices.Concat(likes, dislikes), rows, ids, machines)
}

// labeled makes examples for a machine. A weight counts against the heaviest of
// its list.
func labeled(ctx context.Context, c catalog.Terms, examples []Example, vectors []rank.Weighted, liked bool) ([]rank.Labeled, error) {
	terms, err := exampleTerms(ctx, c, examples)
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
