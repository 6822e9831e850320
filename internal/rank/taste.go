package rank

import (
	"cmp"
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

// TopMean scores a paper by its similarities to likes and dislikes: the
// weighted mean of its top similarities to likes, less a share of the greatest
// similarity to a dislike. A paper that is near any few likes scores high,
// whatever else is liked, where a mean vector would point between them.
//
// A dislike lowers a score or leaves it as it is, the more the nearer it is, and
// never raises one. A similarity below 0 counts as 0.
func TopMean(likes, dislikes []Near, top int) float64 {
	return Sum(Contributions(likes, dislikes, top))
}

// Sum adds up the parts of a score.
func Sum(parts []Contribution) float64 {
	score := 0.0
	for _, c := range parts {
		score += c.Value
	}
	return score
}

// Contributions tells what TopMean adds up, the greatest first.
func Contributions(likes, dislikes []Near, top int) []Contribution {
	order := make([]int, len(likes))
	for i := range order {
		order[i] = i
	}
	value := func(i int) float64 { return math.Max(0, likes[i].Similarity) * likes[i].Weight }
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(value(j), value(i)) })
	order = order[:min(top, len(order))]
	var out []Contribution
	var heaviest float64 // so that a weight only counts against other weights
	for _, l := range likes {
		heaviest = math.Max(heaviest, l.Weight)
	}
	for _, i := range order {
		out = append(out, Contribution{Example: i, Liked: true, Value: value(i) / heaviest / float64(len(order))})
	}
	if worst := nearestDislike(dislikes); worst.Value < 0 {
		out = append(out, worst)
	}
	return out
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

// Similarities gives how near a vector is to examples: cosines of unit vectors,
// float32 [dim] each.
func Similarities(v []float32, examples []Weighted) []Near {
	out := make([]Near, len(examples))
	for i, e := range examples {
		out[i] = Near{float64(vec.Dot(v, e.Vector)), e.Weight}
	}
	return out
}
