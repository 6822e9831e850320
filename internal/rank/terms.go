package rank

import (
	"math"
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
	lists map[uint32][]termExample
	// marks has a bit for each term of lists, by the last bits of its number: most
	// terms of papers are in none of the examples.
	marks   [1024]uint64
	weights []float64 // of the examples, which add up to 1
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
			t.marks[term.ID>>6%1024] |= 1 << (term.ID % 64)
		}
	}
	total := 0.0
	for _, w := range weights {
		total += w
	}
	for i := range t.weights {
		t.weights[i] /= total
	}
	return t
}

// Mean is the weighted power mean of the cosines of a sparse unit vector with the
// examples, with exponent 4: between their mean and the greatest of them, so that
// examples that are like a paper count for most, and all for something. scratch is
// used again from call to call, and returned.
func (t *TermExamples) Mean(terms []Term, scratch []float64) (float64, []float64) {
	scratch = t.cosines(terms, scratch)
	return t.power(scratch, nil, 0), scratch
}

// Means is Mean over all examples, and in each over those of every group; of says
// which group each example is of. A group without examples has 0.
func (t *TermExamples) Means(terms []Term, of []int, each, scratch []float64) (all float64, _ []float64) {
	scratch = t.cosines(terms, scratch)
	for g := range each {
		each[g] = t.power(scratch, of, g)
	}
	return t.power(scratch, nil, 0), scratch
}

// cosines gives those of a sparse vector with the examples.
func (t *TermExamples) cosines(terms []Term, scratch []float64) []float64 {
	scratch = slices.Grow(scratch[:0], len(t.weights))[:len(t.weights)]
	clear(scratch)
	for _, term := range terms {
		if t.marks[term.ID>>6%1024]&(1<<(term.ID%64)) == 0 {
			continue
		}
		for _, e := range t.lists[term.ID] {
			scratch[e.example] += float64(term.Weight) * float64(e.weight)
		}
	}
	return scratch
}

// power is the weighted power mean over all examples, or over those of a group.
func (t *TermExamples) power(cosines []float64, of []int, group int) float64 {
	sum, total := 0.0, 0.0
	for i, s := range cosines {
		if of == nil || of[i] == group {
			sum += t.weights[i] * s * s * s * s
			total += t.weights[i]
		}
	}
	if of != nil && total > 0 {
		sum /= total
	}
	return math.Sqrt(math.Sqrt(sum))
}
