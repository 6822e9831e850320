package layout

import (
	"math"

	"akin/internal/vec"
)

// Codes are vectors as integers, in the order of their papers. The zero value with a
// Dimension is empty.
type Codes struct {
	Dimension int
	rows      []int8    // [n, Dimension]
	scales    []float32 // [n]: what a code stands for
}

// Add appends a vector of the dimension, of finite numbers.
func (c *Codes) Add(vector []float32) {
	at := len(c.rows)
	c.rows = append(c.rows, make([]int8, c.Dimension)...)
	c.scales = append(c.scales, vec.Quantize(c.rows[at:], vector))
}

// Len is how many vectors there are.
func (c *Codes) Len() int { return len(c.scales) }

func (c *Codes) row(i int) []int8 { return c.rows[i*c.Dimension : (i+1)*c.Dimension] }

// similarity is the cosine of two vectors, within the error of the codes.
func (c *Codes) similarity(i, j int) float32 {
	return float32(vec.DotInt8(c.row(i), c.row(j))) * c.scales[i] * c.scales[j]
}

// pick gives the vectors of some rows, in their order.
func (c *Codes) pick(rows []int32) *Codes {
	out := &Codes{Dimension: c.Dimension, rows: make([]int8, 0, len(rows)*c.Dimension), scales: make([]float32, len(rows))}
	for i, r := range rows {
		out.rows = append(out.rows, c.row(int(r))...)
		out.scales[i] = c.scales[r]
	}
	return out
}

// addUnit appends the direction of a sum of codes.
func (c *Codes) addUnit(sum []int64) {
	length := 0.0
	for _, x := range sum {
		length += float64(float64(x) * float64(x))
	}
	unit := make([]float32, len(sum))
	if length = math.Sqrt(length); length > 0 {
		for i, x := range sum {
			unit[i] = float32(float64(x) / length)
		}
	}
	c.Add(unit)
}

// spread gives at most most of n rows, evenly spread over them.
func spread(n, most int) []int32 {
	count := min(n, most)
	out := make([]int32, count)
	for i := range out {
		out[i] = int32(i * n / count)
	}
	return out
}
