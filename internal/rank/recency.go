package rank

import (
	"math"
	"slices"
)

// Decay is how much a paper of an age still counts: 1 at age 0 or below, half
// after each half-life. Both are in the same unit, halfLife is above 0.
func Decay(age, halfLife float64) float64 {
	return math.Exp2(-math.Max(0, age) / halfLife)
}

// Decays gives the decay of each of a list of ages. Where an age is not known
// (NaN) the median of the others stands for it, which neither lifts nor lowers
// the paper; where none is known, all are 1.
func Decays(ages []float64, halfLife float64) []float64 {
	out := make([]float64, len(ages))
	var known []float64
	for i, age := range ages {
		if out[i] = Decay(age, halfLife); !math.IsNaN(age) {
			known = append(known, out[i])
		}
	}
	middle := median(known, 1)
	for i, age := range ages {
		if math.IsNaN(age) {
			out[i] = middle
		}
	}
	return out
}

// median gives the middle of values, the mean of the two middle ones where there
// are two, and otherwise what is given for an empty list. It sorts values.
func median(values []float64, empty float64) float64 {
	n := len(values)
	if n == 0 {
		return empty
	}
	slices.Sort(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// Scale maps scores linearly to [0, 1] over the list: the greatest becomes 1, the
// least 0. Where they do not differ, all are 1.
func Scale(scores []float64) []float64 {
	out := make([]float64, len(scores))
	if len(scores) == 0 {
		return out
	}
	low, high := slices.Min(scores), slices.Max(scores)
	for i, s := range scores {
		if out[i] = 1; high-low > 1e-12 {
			out[i] = (s - low) / (high - low)
		}
	}
	return out
}

// Freshen blends relevance with recency: (1-weight) times the score scaled to
// [0, 1] over the list, plus weight times the decay. Unlike a z-score, the decay
// keeps its own scale, so that a list of papers that are all old stays as it is.
// weight is between 0 and 1; the lists are parallel and left as they are.
func Freshen(scores, decays []float64, weight float64) []float64 {
	out := Scale(scores)
	for i := range out {
		out[i] = (1-weight)*out[i] + weight*decays[i]
	}
	return out
}
