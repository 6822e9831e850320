package vec

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
	scale = most / 127
	for i, x := range v {
		// In float64 the quotient cannot overflow, however small the scale is.
		q := float64(x) / (float64(most) / 127)
		if q < 0 {
			dst[i] = int8(q - 0.5)
		} else {
			dst[i] = int8(q + 0.5)
		}
	}
	return scale
}
