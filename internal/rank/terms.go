package rank

import (
	"context"
	"math"
	"math/bits"
	"slices"

	"akin/internal/vec"
)

// Term is one coordinate of a sparse vector.
type Term struct {
	ID     uint32
	Weight float32
}

// TermExamples finds how similar sparse vectors are to examples, by the terms that they
// share. It never changes.
type TermExamples struct {
	// ids are the terms that the examples have, in their order. A term has a bit in set,
	// and before says how many terms are in the words of set before each; where catalogs
	// number terms so that most numbers are none, places says where they are instead.
	ids    []uint32
	set    []uint64
	before []uint32
	places map[uint32]uint32
	// lists has of each term, by its place in ids, the examples that have it, and what it
	// weighs there.
	lists   vec.LaneLists
	weights []float64 // of the examples, which add up to 1
	// of are the groups that they fall into, totals the weights of these.
	of     []uint32
	totals []float64
}

// NewTermExamples takes the sparse vectors of examples, unit length each, in the order of
// their terms (nil where an example has none), how much each counts (above 0), and which of
// groups it is of; nil is one group.
func NewTermExamples(examples [][]Term, weights []float64, of []int, groups int) *TermExamples {
	t := &TermExamples{weights: slices.Clone(weights), of: make([]uint32, len(weights)), totals: make([]float64, max(1, groups))}
	total := 0.0
	for _, w := range weights {
		total += w
	}
	for i := range t.weights {
		t.weights[i] /= total
		if of != nil {
			t.of[i] = uint32(of[i])
		}
		t.totals[t.of[i]] += t.weights[i]
	}
	t.invert(examples)
	return t
}

// invert makes the lists of the terms.
func (t *TermExamples) invert(examples [][]Term) {
	all := t.number(examples)
	counts := make([]uint32, len(t.ids))
	for _, terms := range examples {
		for _, term := range terms {
			counts[t.place(term.ID)]++
		}
	}
	end := uint32(0)
	for i, n := range counts {
		counts[i] = end
		end += n
	}
	ends, of, values := counts, make([]uint32, all), make([]float64, all)
	for i, terms := range examples {
		for _, term := range terms {
			at := &ends[t.place(term.ID)]
			of[*at], values[*at] = uint32(i), float64(term.Weight)
			*at++ // in the end, where the list ends
		}
	}
	t.lists = vec.NewLaneLists(len(examples), ends, of, values)
}

// number finds the terms, and says how many there are with repetitions.
func (t *TermExamples) number(examples [][]Term) (all int) {
	most := uint32(0)
	for _, terms := range examples {
		for _, term := range terms {
			most = max(most, term.ID)
		}
		all += len(terms)
	}
	if int64(most) > sparseFrom && int64(most) > 64*int64(all) {
		t.places = make(map[uint32]uint32)
		for _, terms := range examples {
			for _, term := range terms {
				if _, known := t.places[term.ID]; !known {
					t.places[term.ID] = 0
					t.ids = append(t.ids, term.ID)
				}
			}
		}
		slices.Sort(t.ids)
		for i, id := range t.ids {
			t.places[id] = uint32(i)
		}
		return all
	}
	t.set = make([]uint64, most/64+1)
	for _, terms := range examples {
		for _, term := range terms {
			t.set[term.ID/64] |= 1 << (term.ID % 64)
		}
	}
	t.before = make([]uint32, len(t.set))
	for i, left := range t.set {
		t.before[i] = uint32(len(t.ids))
		for ; left != 0; left &= left - 1 {
			t.ids = append(t.ids, uint32(i*64+bits.TrailingZeros64(left)))
		}
	}
	return all
}

// sparseFrom is up to which number of a term all numbers have a bit: half a MiB.
const sparseFrom = 1 << 22

// has says whether examples have a term, whose place in ids is place.
func (t *TermExamples) has(id uint32) bool {
	if t.places != nil {
		_, ok := t.places[id]
		return ok
	}
	return int(id/64) < len(t.set) && t.set[id/64]&(1<<(id%64)) != 0
}

func (t *TermExamples) place(id uint32) uint32 {
	if t.places != nil {
		return t.places[id]
	}
	return t.before[id/64] + uint32(bits.OnesCount64(t.set[id/64]&(1<<(id%64)-1)))
}

// Terms are those that the examples have, in their order: all that others do to Means is
// nothing.
func (t *TermExamples) Terms() []uint32 { return t.ids }

// Means gives of each sparse unit vector, whose terms are in their order, the weighted
// power mean of its cosines with the examples, with exponent 4: between their mean and the
// greatest of them, so that examples that are like a paper count for most, and all for
// something. all are those over all examples, and each, of every group, those over its
// examples; a group without examples has 0. Vectors are compared eight at a time, of which
// each sum has the additions, in their order, that comparing one after the other has. Its
// only error is the context's.
func (t *TermExamples) Means(ctx context.Context, vectors [][]Term) (all []float64, each [][]float64, err error) {
	all, each = make([]float64, len(vectors)), make([][]float64, len(t.totals))
	for g := range each {
		each[g] = make([]float64, len(vectors))
	}
	b := newTermBench(t)
	for from := 0; from < len(vectors); from += vec.LaneCount {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		some := vectors[from:min(from+vec.LaneCount, len(vectors))]
		b.compare(some)
		for i := range some {
			all[from+i] = root4(b.all[i])
			for g, total := range t.totals {
				if total > 0 {
					each[g][from+i] = root4(b.each[g][i] / total)
				}
			}
		}
	}
	return all, each, nil
}

// termBench compares some vectors at a time with all examples: each has a lane.
type termBench struct {
	*TermExamples
	// rows has the weights of a term in the vectors at hand, of each term that any of them
	// has, and slots says which row a term has. present has a bit for each such term, by its
	// place, and words one for each word of present that is not 0.
	rows           []vec.Lanes
	slots          []uint32
	present, words []uint64
	// places and ordered are these terms and their rows, in the order of terms.
	places  []uint32
	ordered []vec.Lanes
	cosines []vec.Lanes // with each example
	all     vec.Lanes
	each    []vec.Lanes // of each group
}

func newTermBench(t *TermExamples) *termBench {
	n := (len(t.ids) + 63) / 64
	return &termBench{
		TermExamples: t, slots: make([]uint32, len(t.ids)), present: make([]uint64, n), words: make([]uint64, (n+63)/64),
		cosines: make([]vec.Lanes, len(t.weights)), each: make([]vec.Lanes, len(t.totals)),
	}
}

// compare leaves in all and each the sums of the fourth powers of cosines.
func (b *termBench) compare(vectors [][]Term) {
	b.rows = b.rows[:0]
	for lane, terms := range vectors {
		for _, term := range terms {
			if !b.has(term.ID) {
				continue
			}
			at := b.place(term.ID)
			if bit := uint64(1) << (at % 64); b.present[at/64]&bit == 0 {
				b.present[at/64] |= bit
				b.words[at/4096] |= 1 << (at / 64 % 64)
				b.slots[at] = uint32(len(b.rows))
				b.rows = append(b.rows, vec.Lanes{})
			}
			b.rows[b.slots[at]][lane] = float64(term.Weight)
		}
	}
	b.places, b.ordered = b.places[:0], b.ordered[:0]
	for i, words := range b.words {
		for ; words != 0; words &= words - 1 {
			word := i*64 + bits.TrailingZeros64(words)
			for left := b.present[word]; left != 0; left &= left - 1 {
				at := uint32(word*64 + bits.TrailingZeros64(left))
				b.places, b.ordered = append(b.places, at), append(b.ordered, b.rows[b.slots[at]])
			}
			b.present[word] = 0
		}
		b.words[i] = 0
	}
	b.lists.Add(b.cosines, b.places, b.ordered)
	b.all = vec.Lanes{}
	clear(b.each)
	vec.AddFourthPowers(&b.all, b.each, b.cosines, b.weights, b.of)
}

func root4(x float64) float64 { return math.Sqrt(math.Sqrt(x)) }
