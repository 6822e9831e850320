package rank

import (
	"math"

	"akin/internal/vec"
)

// ordinaryMean is a mean cosine that papers of a collection do not exceed where a model
// lets cosines use their range; docs/quality.md has what was measured.
const ordinaryMean = 0.4

// Usual is how near papers of a collection usually are to each other: the mean of their
// cosines, and its deviation. The zero value is that of a collection of which nothing is
// known, and takes cosines as they are.
type Usual struct{ Mean, Deviation float64 }

// Background tells how near papers of a sample are to each other.
func Background(vectors [][]float32) (u Usual) {
	var all []float64
	for i, v := range vectors {
		for _, w := range vectors[:i] {
			if len(v) > 0 && len(v) == len(w) {
				all = append(all, float64(vec.Dot(v, w)))
			}
		}
	}
	u.Mean, u.Deviation = Moments(all)
	return u
}

// Room is the part of the way from 0 to 1 that cosines use. Some models give a cosine of
// .7 to papers that have nothing in common: what lies between that and 1 is all that they
// have to say. It is 1 where usual papers are no nearer than ordinaryMean, and otherwise
// such that they are as near as that in what is left.
func (u Usual) Room() float64 {
	return math.Min(1, math.Max(0, 1-u.Mean)/(1-ordinaryMean))
}

// Cosine gives the cosine that says here what another says where cosines use their range.
func (u Usual) Cosine(c float64) float64 {
	room := u.Room()
	if room == 1 { // without rounding
		return c
	}
	return 1 - float64(room*(1-c))
}
