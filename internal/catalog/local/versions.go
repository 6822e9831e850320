package local

import (
	"context"
	"math"
	"slices"

	"akin/internal/catalog"
	"akin/internal/dedup"
	"akin/internal/paper"
	"akin/internal/rank"
	"akin/internal/vec"
)

// Collapse implements catalog.Versions.
func (v *view) Collapse(ctx context.Context, hits []rank.Hit, own []string) (left []rank.Hit, stands map[string][]catalog.Collapsed, err error) {
	ordinals, err := v.named(ctx, own)
	if err != nil {
		return nil, nil, err
	}
	ordinals = slices.DeleteFunc(ordinals, func(o uint32) bool { return o == none })
	apart := len(ordinals)
	refs := make([]paper.Ref, len(hits))
	for i := range hits {
		refs[i] = hits[i].Ref()
	}
	found, err := v.ordinals(ctx, refs)
	if err != nil {
		return nil, nil, err
	}
	ordinals = append(ordinals, found...)
	near := &nearness{vector: func(i int) ([]float32, error) { return v.vectorOf(ctx, ordinals[i]) }}
	left, stands = hits[:0], make(map[string][]catalog.Collapsed)
	for i, members := range dedup.Group(v.keysAt(ordinals), dedup.Options{MinSimilarity: dedup.MinSimilarity, Apart: apart}, near.cosine) {
		if near.err == nil && i%lookStride == 0 {
			near.err = ctx.Err()
		}
		if near.err != nil {
			return nil, nil, near.err
		}
		if i < apart {
			continue
		}
		first := hits[i-apart] // left grows no faster than i
		for _, m := range members {
			stands[first.ID] = append(stands[first.ID], catalog.Collapsed{Ref: v.ref(ordinals[m.At]), Match: matchOf(m.Match)})
		}
		left = append(left, first)
	}
	return left, stands, near.err
}

// keysAt gives the keys of papers, parallel to their ordinals.
func (v *view) keysAt(ordinals []uint32) []dedup.Key {
	keys := make([]dedup.Key, len(ordinals))
	for i, o := range ordinals {
		keys[i] = v.keys.at(o)
	}
	return keys
}

// matchOf is a match as the contract says it.
func matchOf(m dedup.Match) catalog.Match {
	return catalog.Match{Reason: reasonOf(m.Reason), Kind: kindOf(m.Kind), Similarity: m.Similarity, Resemblance: m.Resemblance}
}

func reasonOf(r dedup.Reason) catalog.MatchReason {
	switch r {
	case dedup.SameArxivID:
		return catalog.SameArxivID
	case dedup.SameDOI:
		return catalog.SameDOI
	case dedup.SameTitle:
		return catalog.SameTitle
	case dedup.SimilarText:
		return catalog.SimilarText
	case dedup.None:
	}
	return 0
}

func kindOf(k dedup.Kind) catalog.MatchKind {
	switch k {
	case dedup.SameWork:
		return catalog.SameWork
	case dedup.Version:
		return catalog.OtherVersion
	case dedup.Sequel:
		return catalog.Sequel
	case dedup.SameAbstract:
		return catalog.SameAbstract
	case dedup.Unrelated:
	}
	return 0
}

// nearness compares the vectors of papers, many with one.
type nearness struct {
	// vector gives the vector of a paper, nil if it has none.
	vector func(i int) ([]float32, error)
	// err is the first error of vector; after it, nothing is near.
	err error

	last  int // of those compared with others
	kept  []float32
	known bool
}

// cosine is NaN if one of the papers has no vector.
func (n *nearness) cosine(i, j int) float64 {
	if n.err == nil && (!n.known || n.last != i) {
		n.kept, n.err = n.vector(i)
		n.last, n.known = i, true
	}
	if n.err != nil || n.kept == nil {
		return math.NaN()
	}
	var other []float32
	if other, n.err = n.vector(j); n.err != nil || other == nil {
		return math.NaN()
	}
	return float64(vec.Dot(n.kept, other))
}

// SameTexts implements catalog.Versions.
func (v *view) SameTexts(ctx context.Context, texts []catalog.Text, refs []paper.Ref) ([]bool, error) {
	wanted := make(map[dedup.Text]bool, len(texts))
	for _, t := range texts {
		key := dedup.KeyOf(&paper.Paper{Title: t.Title, Abstract: t.Abstract})
		wanted[key.Text()] = true
	}
	delete(wanted, dedup.Text{}) // texts without words
	ordinals, err := v.ordinals(ctx, refs)
	if err != nil {
		return nil, err
	}
	out := make([]bool, len(ordinals))
	for i, o := range ordinals {
		key := v.keys.at(o)
		out[i] = wanted[key.Text()]
	}
	return out, nil
}
