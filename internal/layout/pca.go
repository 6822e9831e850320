package layout

import (
	"math"

	"akin/internal/splitmix"
	"akin/internal/vec"
)

const (
	// axesSample is how many vectors the main axes are found by.
	axesSample = 4096
	// turns is how often the axes are turned towards where vectors differ most.
	turns = 60
	// seedOfAxes begins the lot by which the first axes are drawn.
	seedOfAxes = 0x6d61702d61786573
)

// project lays vectors out by the two directions in which they differ most (PCA), as
// x, y after x, y; the largest is 1. It is where the layout begins.
func project(c *Codes) []float32 {
	axes := axesOf(c.pick(spread(c.Len(), axesSample)))
	out := make([]float32, 2*c.Len())
	most := float32(0)
	for i := range c.Len() {
		row := c.row(i)
		for a, axis := range axes {
			sum := 0.0
			for j, x := range row {
				sum += float64(float64(x) * axis[j])
			}
			out[2*i+a] = float32(sum * float64(c.scales[i]))
		}
	}
	centre(out)
	for _, x := range out {
		most = max(most, x, -x)
	}
	if most > 0 {
		for i := range out {
			out[i] /= most
		}
	}
	return out
}

// centre moves points so that their mean is the origin.
func centre(points []float32) {
	var sums [2]float64
	for i, x := range points {
		sums[i&1] += float64(x)
	}
	n := float64(len(points) / 2)
	for i := range points {
		points[i] -= float32(sums[i&1] / n)
	}
}

// axesOf finds the first two axes by turning two directions (orthogonal iteration).
func axesOf(sample *Codes) [2][]float64 {
	d := sample.Dimension
	spreadOf := covariance(sample)
	var axes [2][]float64
	for a := range axes {
		axes[a] = make([]float64, d)
		for j := range axes[a] {
			axes[a][j] = float64(splitmix.At(seedOfAxes+uint64(a), uint64(j))>>11)/(1<<53) - 0.5
		}
	}
	for range turns {
		for a := range axes {
			axes[a] = times(spreadOf, axes[a])
		}
		shared := product(axes[0], axes[1]) / max(product(axes[0], axes[0]), math.SmallestNonzeroFloat64)
		for j := range axes[1] {
			axes[1][j] -= float64(shared * axes[0][j])
		}
		for a := range axes {
			if length := math.Sqrt(product(axes[a], axes[a])); length > 0 {
				for j := range axes[a] {
					axes[a][j] /= length
				}
			}
		}
	}
	return axes
}

// covariance of the codes' columns, [d, d].
func covariance(c *Codes) [][]float64 {
	n, d := c.Len(), c.Dimension
	columns, sums := make([]int8, n*d), make([]float64, d)
	for i := range n {
		for j, x := range c.row(i) {
			columns[j*n+i] = x
			sums[j] += float64(x)
		}
	}
	out := make([][]float64, d)
	for j := range out {
		out[j] = make([]float64, d)
		for k := range j + 1 {
			dot := float64(vec.DotInt8(columns[j*n:(j+1)*n], columns[k*n:(k+1)*n]))
			out[j][k] = (dot - float64(sums[j]*sums[k])/float64(n)) / float64(n)
			out[k][j] = out[j][k]
		}
	}
	return out
}

func times(matrix [][]float64, v []float64) []float64 {
	out := make([]float64, len(v))
	for j, row := range matrix {
		out[j] = product(row, v)
	}
	return out
}

func product(a, b []float64) float64 {
	sum := 0.0
	for j, x := range a {
		sum += float64(x * b[j])
	}
	return sum
}
