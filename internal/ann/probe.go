package ann

import (
	"math"

	"akin/internal/vec"
)

// probe is a vector in the forms in which the rows of a table are compared with
// it.
type probe struct {
	vector []float32
	codes  []int8 // if the table is coded
	scale  float32
}

// probe returns a row as a probe.
func (r *rows) probe(slot uint32) probe {
	if !r.coded {
		return probe{vector: r.at(slot)}
	}
	if r.lvq {
		return probe{nil, r.code(slot), r.scales[slot]}
	}
	return probe{r.at(slot), r.code(slot), r.scales[slot]}
}

// probeOf makes a probe of a vector from outside, in memory that is given.
func (r *rows) probeOf(vector []float32, memory []int8) probe {
	if !r.coded {
		return probe{vector: vector}
	}
	return probe{vector, memory, vec.Quantize(memory, vector)}
}

// compare returns the similarity of two rows: their cosine, or what their codes
// give for it. It is the same in both directions.
func (r *rows) compare(a, b uint32) float32 {
	if !r.coded {
		return vec.Dot(r.at(a), r.at(b))
	}
	return float32(vec.DotInt8(r.code(a), r.code(b))) * (r.scales[a] * r.scales[b])
}

// gauge is the scratch memory of comparisons.
type gauge struct {
	ints   []int32
	scores []float32
}

// compareAll returns the similarity of a probe with rows, in memory that the next
// call reuses. The scores are those that compare gives.
func (g *gauge) compareAll(r *rows, p *probe, slots []uint32) []float32 {
	n := len(slots)
	if cap(g.scores) < n {
		g.ints, g.scores = make([]int32, 2*n), make([]float32, 2*n)
	}
	scores := g.scores[:n]
	if !r.coded {
		r.inFull(p.vector, slots, scores)
		return scores
	}
	ints := g.ints[:n]
	vec.DotInt8Rows(ints, p.codes, r.codes, slots)
	for i, slot := range slots {
		scores[i] = float32(ints[i]) * (p.scale * r.scales[slot])
	}
	return scores
}

// exactly returns the dot products of a vector with rows, in memory that the next
// call reuses: within blur of a table without vectors.
func (g *gauge) exactly(r *rows, vector []float32, slots []uint32) []float32 {
	n := len(slots)
	if cap(g.scores) < n {
		g.ints, g.scores = make([]int32, 2*n), make([]float32, 2*n)
	}
	r.inFull(vector, slots, g.scores[:n])
	return g.scores[:n]
}

// inFull sets scores to the dot products of a vector with rows: within blur of a table
// without vectors.
func (r *rows) inFull(vector []float32, slots []uint32, scores []float32) {
	switch {
	case r.lvq:
		vec.DotResidualRows(scores, vector, r.codes, r.residuals, slots)
		for i, slot := range slots {
			scores[i] *= r.scales[slot] / (2 * vec.ResidualSteps)
		}
	case len(r.mapped) == 0:
		vec.DotRows(scores, vector, r.vectors, slots)
	default:
		r.inBoth(vector, slots, scores)
	}
}

// inBoth is inFull where the first vectors are in a file: those that stand beside each
// other in the list and are in the same place are compared together.
func (r *rows) inBoth(vector []float32, slots []uint32, scores []float32) {
	const most = 256
	var ids [most]uint32
	first := uint32(len(r.mapped) / r.dimension) // that is not in the file
	for len(slots) > 0 {
		in, n := slots[0] < first, 1
		for n < len(slots) && (slots[n] < first) == in && (in || n < most) {
			n++
		}
		if in {
			vec.DotRows(scores, vector, r.mapped, slots[:n])
		} else {
			for i, slot := range slots[:n] {
				ids[i] = slot - first
			}
			vec.DotRows(scores, vector, r.vectors, ids[:n])
		}
		slots, scores = slots[n:], scores[n:]
	}
}

// margin bounds how far the similarity of codes is from the cosine, so that what
// is found by codes can be proven to be all.
//
// With q = q' + dq and x = x' + dx, where q' and x' are what the codes stand for,
// q·x - q'·x' = q·dx + x'·dq. An element of dx is at most half a step, so |dx| is
// at most h·scale with h = √d/2, and |x'| at most |x| + |dx|. The slack is for
// rounding in the float32 product (d·2^-24 relative to its magnitudes) and here.
type margin struct{ perScale, constant float32 }

// margin returns the bound for comparisons with p: perScale times the row's
// scale, plus constant.
func (r *rows) margin(p *probe) margin {
	d := float64(r.dimension)
	h, norm, scale := math.Sqrt(d)/2*1.0001, 1+unitTolerance, float64(p.scale)
	slack := d*0x1p-23 + 1e-6
	return margin{float32(h * (norm + h*scale) * 1.0001), float32(norm*h*scale*1.0001 + slack)}
}

// above returns the most that the cosine can be, given the similarity of codes
// with a row of this scale.
func (m margin) above(similarity, scale float32) float32 {
	return similarity + m.perScale*scale + m.constant
}
