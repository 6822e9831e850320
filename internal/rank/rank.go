// Package rank turns examples and lists into rankings. It holds pure functions
// only: they keep no state, touch no storage, and are safe for concurrent use.
package rank

import (
	"math"

	"akin/internal/paper"
)

// Hit is a paper of a ranked list.
type Hit struct {
	ID string
	// Handle is what its catalog gave with it (paper.Ref).
	Handle uint32
	// Score is what the list is ordered by.
	Score float64
	// Semantic is the cosine with the query, in [-1, 1]; Lexical is BM25's, 0 or
	// more. What a query does not use is 0.
	Semantic, Lexical float64
}

// Ref names the paper of a hit.
func (h Hit) Ref() paper.Ref { return paper.Ref{ID: h.ID, Handle: h.Handle} }

// Weighted is an example: a unit vector and how much it counts (above 0).
type Weighted struct {
	Vector []float32
	Weight float64
}

// negativeShare is how strongly dislikes push, against likes (the gamma of
// Rocchio 1971 over his beta). Below 1, so that a paper that is liked and
// disliked alike still gives a direction.
const negativeShare = 0.5

// MeanVector combines liked and disliked examples into one query: the weighted
// mean of the likes moved away from the weighted mean of the dislikes (Rocchio,
// Relevance feedback in information retrieval, 1971). The result is float32
// [dim], unit length. A dislike lowers the score of what is near it, in
// proportion to how near. An error of kind Invalid says that the examples
// cancel out or that there is no like.
func MeanVector(positive, negative []Weighted) ([]float32, error) {
	if len(positive) == 0 {
		return nil, paper.InvalidField("positive", "is empty; give at least one liked paper")
	}
	sum := make([]float64, len(positive[0].Vector))
	addMean(sum, positive, 1)
	addMean(sum, negative, -negativeShare)
	var norm float64
	for _, x := range sum {
		norm += x * x
	}
	norm = math.Sqrt(norm)
	if norm < 1e-6 {
		return nil, paper.InvalidField("negative", "the examples cancel each other out; leave out the papers that are both liked and disliked")
	}
	out := make([]float32, len(sum))
	for i, x := range sum {
		out[i] = float32(x / norm)
	}
	return out, nil
}

// addMean adds scale times the weighted mean of the examples to sum.
func addMean(sum []float64, examples []Weighted, scale float64) {
	var total float64
	for _, e := range examples {
		total += e.Weight
	}
	for _, e := range examples {
		w := scale * e.Weight / total
		for i, x := range e.Vector {
			sum[i] += w * float64(x)
		}
	}
}
