package rank

import (
	"cmp"
	"math"
	"slices"

	"akin/internal/vec"
)

// Standardize turns scores into z-scores, in place: mean 0 and standard
// deviation 1 over the list, or all 0 where the scores do not differ. Scores of
// different kinds, such as a cosine and BM25, can be weighed after that.
func Standardize(scores []float64) []float64 {
	mean, deviation := Moments(scores)
	for i, s := range scores {
		if deviation > 1e-12 {
			scores[i] = (s - mean) / deviation
		} else {
			scores[i] = 0
		}
	}
	return scores
}

// Moments are the mean and the standard deviation of a list.
func Moments(scores []float64) (mean, deviation float64) {
	if len(scores) == 0 {
		return 0, 0
	}
	for _, s := range scores {
		mean += s
	}
	mean /= float64(len(scores))
	var variance float64
	for _, s := range scores {
		variance += (s - mean) * (s - mean)
	}
	return mean, math.Sqrt(variance / float64(len(scores)))
}

// Taste is how near papers are to likes, by vectors and by words; the two lists
// are parallel.
type Taste struct{ Near, Words []float64 }

// FuseTaste weighs how near papers are to likes by vectors and by words, less
// what dislikes take away (0 or less each, in the unit of Near). Both are
// standardised by how they are spread over usual papers, not over those to be
// ranked: the latter were found by their vectors, whose scores are therefore
// closer together than those of words, and would count for too much. The penalty
// weighs against Near what it would without words, and does not go into any
// mean, so that a dislike raises nothing.
func FuseTaste(papers, usual Taste, penalty []float64, weight float64) []float64 {
	near, nearSpread := Moments(usual.Near)
	words, wordsSpread := Moments(usual.Words)
	nearSpread, wordsSpread = orOne(nearSpread), orOne(wordsSpread)
	out := make([]float64, len(papers.Near))
	for i := range out {
		out[i] = weight*(papers.Near[i]-near+penalty[i])/nearSpread + (1-weight)*(papers.Words[i]-words)/wordsSpread
	}
	return out
}

// orOne is a deviation to divide by.
func orOne(deviation float64) float64 {
	if deviation < 1e-12 {
		return 1
	}
	return deviation
}

// FuseZ adds up the z-scores of two lists of scores over the same candidates:
// weight times the first, 1-weight times the second. The lists are left as they
// are.
func FuseZ(first, second []float64, weight float64) []float64 {
	a, b := Standardize(slices.Clone(first)), Standardize(slices.Clone(second))
	for i := range a {
		a[i] = weight*a[i] + (1-weight)*b[i]
	}
	return a
}

// FuseRelative adds to the first scores, which are cosines, weight times the second
// as shares of the greatest of them. Cosines say by themselves how near a paper is,
// whatever else was found, so that a rare word alone does not carry a paper that is
// far; and what has the words alone is weighty where nothing else has them. Scores of
// 0 or less in the second list count as 0.
func FuseRelative(first, second []float64, weight float64) []float64 {
	greatest := 0.0
	for _, s := range second {
		greatest = math.Max(greatest, s)
	}
	out := slices.Clone(first)
	if greatest <= 0 {
		return out
	}
	for i, s := range second {
		// The conversion keeps compilers from fusing the two operations, which would
		// round otherwise on other machines.
		out[i] += float64(weight * math.Max(0, s) / greatest)
	}
	return out
}

// rrfK is the constant of reciprocal rank fusion, as its authors chose it.
const rrfK = 60

// FuseRRF adds up the reciprocals of the ranks in two lists of scores over the
// same candidates (Cormack, Clarke and Büttcher, Reciprocal rank fusion
// outperforms Condorcet and individual rank learning methods, 2009). Scores of
// 0 or less in a list count as not found by it.
func FuseRRF(first, second []float64) []float64 {
	out := make([]float64, len(first))
	for _, scores := range [][]float64{first, second} {
		order := make([]int, len(scores))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(scores[j], scores[i]) })
		rank, last := 0, math.Inf(1)
		for at, i := range order {
			if scores[i] <= 0 {
				break
			}
			if scores[i] < last { // equal scores share a rank, so that no order of arrival counts
				rank, last = at+1, scores[i]
			}
			out[i] += 1 / float64(rrfK+rank)
		}
	}
	return out
}

// Diversify reorders the first k of a list by maximal marginal relevance
// (Carbonell and Goldstein 1998): each next hit is the one with the best
//
//	(1-diversity) * relevance - diversity * similarity to the nearest hit chosen
//
// where relevance is the score scaled to [0, 1] over the list. It gives the
// positions of the hits in their new order; those beyond k follow as they were.
// vectors are parallel to scores, float32 [dim] each, unit length; diversity is
// between 0, which changes nothing, and 1.
func Diversify(scores []float64, vectors [][]float32, k int, diversity float64) []int {
	n := len(scores)
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	if n == 0 || diversity <= 0 {
		return order
	}
	low, high := slices.Min(scores), slices.Max(scores)
	scale := math.Max(high-low, 1e-12)
	nearest := make([]float64, n) // similarity to the nearest chosen hit
	for i := range nearest {
		nearest[i] = -1
	}
	for at := range min(k, n) {
		best, bestValue := at, math.Inf(-1)
		for j := at; j < n; j++ {
			i := order[j]
			value := (1 - diversity) * (scores[i] - low) / scale
			if at > 0 {
				value -= diversity * nearest[i]
			}
			if value > bestValue {
				best, bestValue = j, value
			}
		}
		chosen := order[best]
		copy(order[at+1:best+1], order[at:best]) // the others keep their order
		order[at] = chosen
		for j := at + 1; j < n; j++ {
			nearest[order[j]] = math.Max(nearest[order[j]], float64(vec.Dot(vectors[order[j]], vectors[chosen])))
		}
	}
	return order
}
