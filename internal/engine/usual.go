package engine

import (
	"context"

	"github.com/hashicorp/golang-lru/v2/expirable"

	"akin/internal/catalog"
	"akin/internal/rank"
)

const (
	// usualPairs is how many papers stand for a collection. Their pairs, two thousand, say
	// how near papers of it are to each other that have nothing in common.
	usualPairs = 64
	// usualsKept is how many collections' are kept.
	usualsKept = 64
)

// usualKey names what was found of a collection, as it was.
type usualKey struct {
	collection string
	space      string // its fingerprint
	sequence   uint64
}

// usuals keeps how near papers of collections usually are to each other: it is the same
// until a collection changes.
type usuals = expirable.LRU[usualKey, rank.Usual]

func newUsuals() *usuals { return expirable.NewLRU[usualKey, rank.Usual](usualsKept, nil, 0) }

// usual tells how near papers of the collection usually are to each other. It is zero,
// which takes cosines as they are, where there are too few to tell, and where the catalog
// draws no samples.
func (a *asking) usual(ctx context.Context) (rank.Usual, error) {
	sampler, ok := a.view.(catalog.Sampler)
	if !ok || a.info.Papers < usualPairs {
		return rank.Usual{}, nil
	}
	key := usualKey{a.info.Collection, a.info.Space.Fingerprint(), a.info.Sequence}
	if u, ok := a.usuals.Get(key); ok {
		return u, nil
	}
	refs, err := sampler.Background(ctx, usualPairs)
	if err != nil {
		return rank.Usual{}, err
	}
	vectors, err := a.view.Vectors(ctx, refs)
	if err != nil {
		return rank.Usual{}, err
	}
	u := rank.Background(vectors)
	a.usuals.Add(key, u)
	return u, nil
}
