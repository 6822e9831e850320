package vec

// kernel says which code multiplies.
type kernel uint8

const (
	portable kernel = iota // Go, everywhere
	avx2                   // AVX2 and FMA
	avx512                 // AVX-512 with VNNI
)

// String implements [fmt.Stringer].
func (k kernel) String() string { return [...]string{"portable", "avx2", "avx512"}[k] }

// chosen is read from the CPU once, before main, and never written again.
var chosen = best() //nolint:gochecknoglobals // a fact of this machine

// Kernel names the kernel that multiplies vectors on this machine: "avx512",
// "avx2" or "portable". float32 products are comparable bit for bit only between
// machines that name the same; int8 products are the same everywhere.
func Kernel() string { return chosen.String() }

// portableFloats is the float32 kernel for CPUs without one of their own.
func portableFloats(dst, query, rows []float32, ids []uint32) {
	d := len(query)
	for i, id := range ids {
		at := int(id) * d
		dst[i] = dotPortable(query, rows[at:at+d:at+d])
	}
}

// dotPortable has eight accumulators, which keep the additions independent of
// each other. The conversions to float32 forbid the compiler to fuse a product
// into its sum, so that every architecture that runs this kernel gets the same
// bits.
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

// portableInts is the int8 kernel for CPUs without one of their own.
func portableInts(dst []int32, query, rows []int8, ids []uint32) {
	d := len(query)
	for i, id := range ids {
		at := int(id) * d
		row := rows[at : at+d : at+d]
		var s0, s1 int32
		j := 0
		for ; j+2 <= len(row); j += 2 {
			s0 += int32(row[j]) * int32(query[j])
			s1 += int32(row[j+1]) * int32(query[j+1])
		}
		if j < len(row) {
			s0 += int32(row[j]) * int32(query[j])
		}
		dst[i] = s0 + s1
	}
}
