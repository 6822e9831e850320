package rank

import (
	"cmp"
	"slices"
)

// Term is one coordinate of a sparse vector.
type Term struct {
	ID     uint32
	Weight float32
}

// TermExamples finds how similar sparse vectors are to examples, by the terms
// that they share.
type TermExamples struct {
	lists   map[uint32][]termExample
	weights []float64 // of the examples, the greatest of them 1
}

type termExample struct {
	example int
	weight  float32
}

// NewTermExamples takes the sparse vectors of examples, unit length each (nil
// where an example has none), and how much each counts (above 0).
func NewTermExamples(examples [][]Term, weights []float64) *TermExamples {
	t := &TermExamples{lists: make(map[uint32][]termExample), weights: slices.Clone(weights)}
	for i, terms := range examples {
		for _, term := range terms {
			t.lists[term.ID] = append(t.lists[term.ID], termExample{i, term.Weight})
		}
	}
	if len(weights) > 0 {
		heaviest := slices.Max(weights)
		for i := range t.weights {
			t.weights[i] /= heaviest
		}
	}
	return t
}

// TopMean is the mean of the top greatest cosines of a sparse unit vector with
// the examples, each times the example's weight over that of the heaviest.
// scratch is used again from call to call, and returned.
func (t *TermExamples) TopMean(terms []Term, top int, scratch []float64) (float64, []float64) {
	scratch = slices.Grow(scratch[:0], len(t.weights))[:len(t.weights)]
	clear(scratch)
	for _, term := range terms {
		for _, e := range t.lists[term.ID] {
			scratch[e.example] += float64(term.Weight) * float64(e.weight)
		}
	}
	best := make([]float64, 0, top+1)
	for i, s := range scratch {
		s *= t.weights[i]
		if len(best) == top && s <= best[top-1] {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, s, func(a, b float64) int { return cmp.Compare(b, a) })
		best = slices.Insert(best, at, s)[:min(len(best)+1, top)]
	}
	var sum float64
	for _, s := range best {
		sum += s
	}
	return sum / float64(max(1, len(best))), scratch
}
