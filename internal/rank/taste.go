package rank

import (
	"math"
	"slices"

	"akin/internal/vec"
)

// TopLikes is how many of the nearest likes a paper is judged by.
const TopLikes = 3

// Contribution is what one example adds to a paper's score.
type Contribution struct {
	// Example is the position of the example in its list; Liked says which.
	Example int
	Liked   bool
	Value   float64
}

// Near is how similar a paper is to one example, and how much that counts.
type Near struct {
	Similarity, Weight float64
}

// Sum adds up the parts of a score.
func Sum(parts []Contribution) float64 {
	score := 0.0
	for _, c := range parts {
		score += c.Value
	}
	return score
}

// Contributions scores a paper by its similarities to likes and dislikes: their
// sum is the weighted mean of its top similarities to likes, less a share of the
// greatest similarity to a dislike. A paper that is near any few likes scores
// high, whatever else is liked, where a mean vector would point between them.
//
// A dislike lowers a score or leaves it as it is, the more the nearer it is, and
// never raises one. A similarity below 0 counts as 0. The greatest part comes
// first. It takes one pass over the examples.
func Contributions(likes, dislikes []Near, top int) []Contribution {
	best := make([]Contribution, 0, top+1)
	var heaviest float64 // so that a weight only counts against other weights
	for i, l := range likes {
		heaviest = math.Max(heaviest, l.Weight)
		best = offer(best, i, l, top)
	}
	return conclude(best, heaviest, nearestDislike(dislikes))
}

// offer takes a like to the greatest parts, of which there are top at most.
func offer(best []Contribution, example int, l Near, top int) []Contribution {
	value := math.Max(0, l.Similarity) * l.Weight
	if len(best) == top && value <= best[top-1].Value {
		return best
	}
	at := len(best) // behind those that are equal
	for at > 0 && best[at-1].Value < value {
		at--
	}
	best = slices.Insert(best, at, Contribution{Example: example, Liked: true, Value: value})
	return best[:min(len(best), top)]
}

// conclude makes a mean of the greatest parts, and adds what a dislike takes away.
func conclude(best []Contribution, heaviest float64, worst Contribution) []Contribution {
	scale(best, heaviest)
	if worst.Value < 0 {
		best = append(best, worst)
	}
	return best
}

// scale makes a mean of the greatest parts.
func scale(best []Contribution, heaviest float64) {
	for i := range best {
		best[i].Value /= heaviest * float64(len(best))
	}
}

// nearestDislike is the one dislike that counts. What a dislike takes away does
// not depend on the other ones, so that one more never makes another count for
// less: its weight w counts 2w/(1+w), which is 1 for the weight 1.
func nearestDislike(dislikes []Near) Contribution {
	var worst Contribution
	for i, d := range dislikes {
		if v := d.taken(); v < worst.Value {
			worst = Contribution{Example: i, Value: v}
		}
	}
	return worst
}

// taken is what a dislike takes away, 0 or less.
func (n Near) taken() float64 {
	return -negativeShare * math.Max(0, n.Similarity) * 2 * n.Weight / (1 + n.Weight)
}

// Examples are the vectors and weights of examples, laid out so that many papers
// can be compared with many of them. It is safe for concurrent use.
type Examples struct {
	rows    []float32 // [len(weights)][dim]
	ids     []uint32  // 0 and up
	weights []float64
}

// NewExamples copies the examples' vectors.
func NewExamples(examples []Weighted) *Examples {
	x := &Examples{ids: make([]uint32, 0, len(examples)), weights: make([]float64, 0, len(examples))}
	if len(examples) > 0 {
		x.rows = make([]float32, 0, len(examples)*len(examples[0].Vector))
	}
	for i, e := range examples {
		x.rows = append(x.rows, e.Vector...)
		x.ids = append(x.ids, uint32(i))
		x.weights = append(x.weights, e.Weight)
	}
	return x
}

// Similarities gives how near a vector is to the examples: cosines of unit
// vectors. scratch is used again from call to call.
func (x *Examples) Similarities(v []float32, scratch *Scratch) []Near {
	return x.among(v, x.ids, scratch)
}

// among is Similarities with some of the examples.
func (x *Examples) among(v []float32, ids []uint32, scratch *Scratch) []Near {
	n := len(ids)
	scratch.dots = slices.Grow(scratch.dots[:0], n)[:n]
	scratch.near = slices.Grow(scratch.near[:0], n)[:n]
	if n == 0 {
		return nil
	}
	vec.DotRows(scratch.dots, v, x.rows, ids)
	for i, s := range scratch.dots {
		scratch.near[i] = Near{float64(s), x.weights[ids[i]]}
	}
	return scratch.near
}

// Scratch is the memory of Examples.Similarities, whose result it holds until the
// next call. It belongs to one goroutine.
type Scratch struct {
	dots []float32
	near []Near
}
