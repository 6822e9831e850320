package vec

import (
	"errors"
	"fmt"
	"math"
)

// Errors that [Normalize] wraps.
var (
	// ErrZero: the vector has length 0 and so no direction.
	ErrZero = errors.New("zero vector")
	// ErrNotFinite: an element is NaN or infinite.
	ErrNotFinite = errors.New("not finite")
)

// Norm returns the Euclidean length of v, shape [d]: NaN or +Inf when an
// element is NaN or infinite, and otherwise finite, however large or small the
// elements are, because float64 holds the square of every float32.
func Norm(v []float32) float64 {
	// Squares of float32 are exact in float64 (24 + 24 bits of 53), so a fused
	// multiply-add rounds as the two operations do: the same on every CPU.
	var s0, s1, s2, s3 float64
	i := 0
	for ; i+4 <= len(v); i += 4 {
		x := v[i : i+4 : i+4]
		s0 += float64(x[0]) * float64(x[0])
		s1 += float64(x[1]) * float64(x[1])
		s2 += float64(x[2]) * float64(x[2])
		s3 += float64(x[3]) * float64(x[3])
	}
	for ; i < len(v); i++ {
		s0 += float64(v[i]) * float64(v[i])
	}
	return math.Sqrt((s0 + s1) + (s2 + s3))
}

// Normalize scales v, shape [d], in place to length 1 (within rounding: about
// 1e-7). A vector that is zero, empty or not finite is left as it is, and the
// error wraps [ErrZero] or [ErrNotFinite].
func Normalize(v []float32) error {
	n := Norm(v)
	if math.IsNaN(n) || math.IsInf(n, 0) {
		at := FirstNotFinite(v)
		return fmt.Errorf("normalise a vector: element %d of %d is %v: %w", at, len(v), v[at], ErrNotFinite)
	}
	if n == 0 {
		return fmt.Errorf("normalise a vector of %d elements, none other than 0: %w", len(v), ErrZero)
	}
	for i, x := range v {
		// Dividing in float64 and rounding once: 1/n could overflow for
		// subnormal vectors if it were rounded to float32 first.
		v[i] = float32(float64(x) / n)
	}
	return nil
}

// FirstNotFinite returns the index of the first element of v that is NaN or
// infinite, or -1 when all are finite.
func FirstNotFinite(v []float32) int {
	const exponent = 0x7f800000 // all ones in infinities and NaNs, never otherwise
	for i, x := range v {
		if math.Float32bits(x)&exponent == exponent {
			return i
		}
	}
	return -1
}
