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
		best = keepTop(best, Contribution{Example: i, Liked: true, Value: math.Max(0, l.Similarity) * l.Weight}, top)
	}
	for i := range best {
		best[i].Value /= heaviest * float64(len(best))
	}
	return WithDislikes(best, dislikes)
}

// keepTop puts a contribution into its place among the greatest, behind those that are
// equal.
func keepTop(best []Contribution, c Contribution, top int) []Contribution {
	if len(best) == top && c.Value <= best[top-1].Value {
		return best
	}
	at := len(best)
	for at > 0 && best[at-1].Value < c.Value {
		at--
	}
	best = slices.Insert(best, at, c)
	return best[:min(len(best), top)]
}

// WithDislikes adds to contributions of likes what the nearest dislike takes away, if
// it does.
func WithDislikes(parts []Contribution, dislikes []Near) []Contribution {
	if worst := nearestDislike(dislikes); worst.Value < 0 {
		parts = append(parts, worst)
	}
	return parts
}

// nearestDislike is the one dislike that counts. What a dislike takes away does
// not depend on the other ones, so that one more never makes another count for
// less: its weight w counts 2w/(1+w), which is 1 for the weight 1.
func nearestDislike(dislikes []Near) Contribution {
	var worst Contribution
	for i, d := range dislikes {
		if v := -negativeShare * math.Max(0, d.Similarity) * 2 * d.Weight / (1 + d.Weight); v < worst.Value {
			worst = Contribution{Example: i, Value: v}
		}
	}
	return worst
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
	x := &Examples{}
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
	n := len(x.ids)
	scratch.dots = slices.Grow(scratch.dots[:0], n)[:n]
	scratch.near = slices.Grow(scratch.near[:0], n)[:n]
	if n == 0 {
		return nil
	}
	vec.DotRows(scratch.dots, v, x.rows, x.ids)
	for i, s := range scratch.dots {
		scratch.near[i] = Near{float64(s), x.weights[i]}
	}
	return scratch.near
}

// Scratch is the memory of Examples.Similarities, whose result it holds until the
// next call. It belongs to one goroutine.
type Scratch struct {
	dots []float32
	near []Near
}
