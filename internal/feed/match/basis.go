package match

import (
	"math"

	"akin/internal/splitmix"
	"akin/internal/vec"
)

const (
	// mostPrefix is how many numbers of a vector are compared at first.
	mostPrefix = 192
	// turns is how often the axes are turned towards where vectors lie.
	turns = 6
	// axesSample is how many vectors the axes are found by.
	axesSample = 4096
	// seedOfAxes begins the lot by which the first axes are drawn.
	seedOfAxes = 0x66656564735f7063
	// slack is more than rounding can take from a bound: products of unit vectors of
	// 4,096 numbers in float32, in any order, and axes that are nearly orthogonal.
	slack = 1e-3
)

// Basis turns vectors so that their first numbers say most: towards the main axes of a
// collection. The first numbers of two vectors, and the lengths of what is left of them,
// bound their product (Cauchy and Schwarz), however good the axes are: they must only be
// orthogonal. It never changes.
type Basis struct {
	dim  int
	axes []float32 // [Len][dim]
	ids  []uint32
}

// NewBasis finds the main axes of vectors, [n][dim], by turning directions (orthogonal
// iteration). Fewer vectors than axes have none worth the work: they keep their first
// numbers.
func NewBasis(dim int, vectors []float32) *Basis {
	k := min(mostPrefix, dim)
	x := &Basis{dim: dim, axes: make([]float32, k*dim), ids: numbers(k)}
	if len(vectors)/dim < k {
		for a := range k {
			x.axes[a*dim+a] = 1
		}
		return x
	}
	for i := range x.axes {
		x.axes[i] = float32(float64(splitmix.At(seedOfAxes, uint64(i))>>11)/(1<<53) - 0.5)
	}
	x.orthogonal()
	moments, rows := momentsOf(dim, vectors), numbers(dim)
	turned := make([]float32, len(x.axes))
	for range turns {
		for a := range k {
			vec.DotRows(turned[a*dim:(a+1)*dim], x.axes[a*dim:(a+1)*dim], moments, rows)
		}
		copy(x.axes, turned)
		x.orthogonal()
	}
	return x
}

func numbers(n int) []uint32 {
	out := make([]uint32, n)
	for i := range out {
		out[i] = uint32(i)
	}
	return out
}

// momentsOf gives the products of the columns of vectors, [dim][dim].
func momentsOf(dim int, vectors []float32) []float32 {
	n := min(len(vectors)/dim, axesSample)
	columns := make([]float32, n*dim)
	for i := range n {
		for j, v := range vectors[i*dim : (i+1)*dim] {
			columns[j*n+i] = v
		}
	}
	out, ids := make([]float32, dim*dim), numbers(dim)
	for j := range dim {
		vec.DotRows(out[j*dim:(j+1)*dim], columns[j*n:(j+1)*n], columns, ids)
	}
	for i := range out {
		out[i] /= float32(n)
	}
	return out
}

// orthogonal makes the axes orthogonal, of length 1 (Gram and Schmidt, twice, for what
// rounding leaves).
func (x *Basis) orthogonal() {
	k := len(x.ids)
	work := make([][]float64, k)
	for a := range k {
		work[a] = make([]float64, x.dim)
		for j, v := range x.axes[a*x.dim : (a+1)*x.dim] {
			work[a][j] = float64(v)
		}
		if !straighten(work[a], work[:a]) {
			// What is left of it is rounding: any direction does that is orthogonal.
			for seed := uint64(a); ; seed += uint64(k) {
				for j := range work[a] {
					work[a][j] = float64(splitmix.At(seedOfAxes+1+seed, uint64(j))>>11)/(1<<53) - 0.5
				}
				if straighten(work[a], work[:a]) {
					break
				}
			}
		}
		for j, v := range work[a] {
			x.axes[a*x.dim+j] = float32(v)
		}
	}
}

// straighten takes out of v what lies along others, and makes it of length 1; false if
// next to nothing is left.
func straighten(v []float64, others [][]float64) bool {
	before := length(v)
	for range 2 {
		for _, o := range others {
			sum := 0.0
			for j, x := range v {
				sum += float64(x * o[j])
			}
			for j := range v {
				v[j] -= float64(sum * o[j])
			}
		}
	}
	after := length(v)
	if after < 1e-6*before || after == 0 {
		return false
	}
	for j := range v {
		v[j] /= after
	}
	return true
}

func length(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x * x)
	}
	return math.Sqrt(sum)
}

// turn gives a vector in the basis.
func (x *Basis) turn(v []float32) turned {
	t := turned{prefix: make([]float32, len(x.ids))}
	vec.DotRows(t.prefix, v, x.axes, x.ids)
	whole := vec.Norm(v)
	behind := func(first int) float32 {
		part := vec.Norm(t.prefix[:first])
		return float32(math.Sqrt(max(0, whole*whole-part*part)))
	}
	t.rest, t.last = behind(min(firstNumbers, len(x.ids))), behind(len(x.ids))
	return t
}
