package vec

import "fmt"

// ResidualSteps is how many steps of what [Residual] leaves are in one of [Quantize].
const ResidualSteps = 16

// residualBlock is how many elements lie together in a row of residuals.
const residualBlock = 16

// ResidualBytes is how long a row of residuals is for a dimension: half a byte an element,
// in whole blocks of 16.
func ResidualBytes(dimension int) int {
	return (dimension + residualBlock - 1) / residualBlock * residualBlock / 2
}

// Residual writes what [Quantize] has left of v, shape [d], to dst, of ResidualBytes(d)
// bytes: four more bits of each element, so that v[i] is (32·codes[i] + 2·bits - 15) ·
// scale/32 within scale/32 and rounding (locally-adaptive quantisation in two levels:
// Aguerrebere et al., Similarity search in the blink of an eye with compressed indices,
// 2023). It panics if a length does not fit.
func Residual(dst []uint8, v []float32, codes []int8, scale float32) {
	checkLengths(len(v), len(codes))
	dst = dst[:ResidualBytes(len(v))]
	clear(dst)
	if scale == 0 {
		return
	}
	for i, x := range v {
		rest := float64(x)/float64(scale) - float64(codes[i]) // within a half
		n := uint8(min(max(int((rest+.5)*ResidualSteps), 0), ResidualSteps-1))
		at, shift := residualAt(i)
		dst[at] |= n << shift
	}
}

// residualAt says where the bits of an element are: of each block of 16, those of the
// first eight are in the low halves of eight bytes.
func residualAt(i int) (at, shift int) {
	return i/residualBlock*(residualBlock/2) + i%(residualBlock/2), i % residualBlock / (residualBlock / 2) * 4
}

// DotResidualRows computes the dot products of query, shape [d], with some rows that are
// kept as codes, shape [n, d], and residuals, shape [n, ResidualBytes(d)]: dst[i] is that
// of row ids[i], in 32nds of its scale. It panics as [DotRows] does.
func DotResidualRows(dst, query []float32, codes []int8, residuals []uint8, ids []uint32) {
	chosen.dotResidualRows(dst, query, codes, residuals, ids)
}

func (k kernel) dotResidualRows(dst, query []float32, codes []int8, residuals []uint8, ids []uint32) {
	if len(ids) == 0 {
		return
	}
	checkIDs(ids, len(codes), len(query))
	if rows := len(codes) / len(query); len(residuals) < rows*ResidualBytes(len(query)) {
		panic(fmt.Sprintf("vec: %d bytes of residuals for %d rows of dimension %d", len(residuals), rows, len(query))) //nolint:forbidigo // like an index out of range
	}
	k.residual(dst[:len(ids)], query, codes, residuals, ids)
}

// portableResidual is the kernel of DotResidualRows for CPUs without one of their own, and
// for dimensions that are no multiple of a block.
func portableResidual(dst, query []float32, codes []int8, residuals []uint8, ids []uint32) {
	d := len(query)
	size := ResidualBytes(d)
	for i, id := range ids {
		row, bits := codes[int(id)*d:][:d], residuals[int(id)*size:][:size]
		var sums [residualBlock]float32
		for j, q := range query {
			at, shift := residualAt(j)
			x := 32*int32(row[j]) + 2*int32(bits[at]>>shift&15) - 15
			sums[j%residualBlock] += float32(q * float32(x)) // not to be fused
		}
		dst[i] = addUp(&sums)
	}
}

// addUp adds up sums as the kernels do: halves, and of these halves again.
func addUp(sums *[residualBlock]float32) float32 {
	for n := residualBlock / 2; n > 0; n /= 2 {
		for i := range n {
			sums[i] += sums[i+n]
		}
	}
	return sums[0]
}
