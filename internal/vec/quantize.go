package vec

import "math"

// Quantize writes v, shape [d], to dst as integers from -127 to 127 and returns
// the scale that they stand for: v[i] is dst[i]·scale within scale/2 and rounding
// (symmetric quantisation with one scale a vector, the largest magnitude over
// 127). A vector of zeros has scale 0. v must be finite. It panics if dst is
// shorter than v.
func Quantize(dst []int8, v []float32) (scale float32) {
	dst = dst[:len(v)]
	most := float32(0)
	for _, x := range v {
		most = max(most, x, -x)
	}
	if most == 0 {
		clear(dst)
		return 0
	}
	// In float64 nothing overflows, however small the magnitudes are.
	steps := 127 / float64(most)
	for i, x := range v {
		q := float64(float64(x) * steps) // not to be fused with the sum below
		dst[i] = int8(q + math.Copysign(0.5, q))
	}
	return most / 127
}
