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
	// of are the groups that they fall into, nil if there are none, totals the weights of
	// these.
	of     []int
	totals []float64
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

// Terms are those that the examples have, in no order: all that others do to Mean and
// Means is nothing.
func (t *TermExamples) Terms() []uint32 {
	out := make([]uint32, 0, len(t.lists))
	for id := range t.lists {
		out = append(out, id)
	}
	return out
}

// Mean is the weighted power mean of the cosines of a sparse unit vector with the
// examples, with exponent 4: between their mean and the greatest of them, so that
// examples that are like a paper count for most, and all for something. scratch is
// used again from call to call, and returned.
func (t *TermExamples) Mean(terms []Term, scratch []float64) (float64, []float64) {
	return t.Means(terms, nil, scratch)
}

// Group says which of n groups each example is of, for Means.
func (t *TermExamples) Group(of []int, n int) {
	t.of, t.totals = of, make([]float64, n)
	for i, w := range t.weights {
		t.totals[of[i]] += w
	}
}

// Means is Mean over all examples, and in each over those of every group. A group without
// examples has 0.
func (t *TermExamples) Means(terms []Term, each, scratch []float64) (all float64, _ []float64) {
	scratch = t.cosines(terms, scratch)
	clear(each)
	sum := 0.0
	for i, s := range scratch {
		if s == 0 { // as most are; 0 would change no sum
			continue
		}
		part := t.weights[i] * s * s * s * s
		sum += part
		if len(each) > 0 {
			each[t.of[i]] += part
		}
	}
	for g := range each {
		if t.totals[g] > 0 {
			each[g] /= t.totals[g]
		}
		each[g] = root4(each[g])
	}
	return root4(sum), scratch
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

func root4(x float64) float64 { return math.Sqrt(math.Sqrt(x)) }
