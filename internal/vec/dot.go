package vec

import "fmt"

// Dot returns the dot product of a and b, both of shape [d]; for unit vectors
// it is their cosine. Two empty vectors give 0. It panics if the lengths
// differ.
func Dot(a, b []float32) float32 {
	if len(a) != len(b) {
		panic(fmt.Sprintf("vec: dot product of %d and %d numbers", len(a), len(b))) //nolint:forbidigo // like an index out of range
	}
	return dot(a, b)
}

// DotRows computes the dot product of query, shape [d], with some rows of the
// matrix rows, shape [n, d] in row order: dst[i] = rows[ids[i]] · query. It
// panics if dst is shorter than ids, if query is empty, or if an id is not
// below n.
//
// It is the call that a graph walk makes for the neighbours of one node, so
// that a kernel which fetches the next row while it multiplies this one can
// take its place.
func DotRows(dst, query, rows []float32, ids []uint32) {
	d := len(query)
	dst = dst[:len(ids)]
	for i, id := range ids {
		at := int(id) * d
		dst[i] = dot(query, rows[at:at+d:at+d])
	}
}

// dotPortable is the kernel for CPUs without one of their own. Eight
// accumulators keep the additions independent of each other. The conversions
// to float32 forbid the compiler to fuse a product into its sum, so that every
// architecture that runs this kernel gets the same bits.
func dotPortable(a, b []float32) float32 {
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	b = b[:len(a)]
	i := 0
	for ; i+8 <= len(a); i += 8 {
		x, y := a[i:i+8:i+8], b[i:i+8:i+8]
		s0 += float32(x[0] * y[0])
		s1 += float32(x[1] * y[1])
		s2 += float32(x[2] * y[2])
		s3 += float32(x[3] * y[3])
		s4 += float32(x[4] * y[4])
		s5 += float32(x[5] * y[5])
		s6 += float32(x[6] * y[6])
		s7 += float32(x[7] * y[7])
	}
	for ; i < len(a); i++ {
		s0 += float32(a[i] * b[i])
	}
	return ((s0 + s4) + (s1 + s5)) + ((s2 + s6) + (s3 + s7))
}
