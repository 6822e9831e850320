package vec_test

import (
	"errors"
	"fmt"

	"akin/internal/vec"
)

// The dot product of unit vectors is their cosine.
func Example() {
	a, b := []float32{3, 4}, []float32{4, 3}
	for _, v := range [][]float32{a, b} {
		if err := vec.Normalize(v); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Printf("%.2f\n", vec.Dot(a, b))

	err := vec.Normalize([]float32{0, 0})
	fmt.Println(errors.Is(err, vec.ErrZero))
	// Output:
	// 0.96
	// true
}

// A query is compared with some rows of a matrix at once, as a walk of the graph
// compares it with the neighbours of a node.
func ExampleDotRows() {
	rows := []float32{
		1, 0, // row 0
		0, 1, // row 1
		1, 1, // row 2
	}
	scores := make([]float32, 2)
	vec.DotRows(scores, []float32{2, 5}, rows, []uint32{2, 0})
	fmt.Println(scores)
	// Output: [7 2]
}

// Codes take a quarter of the memory; their products times both scales are about the
// products of the vectors.
func ExampleQuantize() {
	a, b := []float32{0.6, 0.8}, []float32{0.8, 0.6}
	codeA, codeB := make([]int8, 2), make([]int8, 2)
	scaleA, scaleB := vec.Quantize(codeA, a), vec.Quantize(codeB, b)
	fmt.Println(codeA, codeB)
	fmt.Printf("%.3f, not %.3f\n", float32(vec.DotInt8(codeA, codeB))*scaleA*scaleB, vec.Dot(a, b))
	// Output:
	// [95 127] [127 95]
	// 0.957, not 0.960
}
