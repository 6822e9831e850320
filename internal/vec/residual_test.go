package vec

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestResiduals holds what codes and residuals stand for against the vectors, and the
// kernels against each other and against sums in float64, for dimensions of whole blocks
// and others, and elements at the ends of the range.
func TestResiduals(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 1))
	for _, d := range []int{1, 2, 7, 8, 15, 16, 17, 31, 32, 48, 100, 384, 768, 1000} {
		const rows = 7
		size := ResidualBytes(d)
		codes, residuals, scales := make([]int8, rows*d), make([]uint8, rows*size), make([]float32, rows)
		vectors, query := make([]float32, rows*d), make([]float32, d)
		for i := range vectors {
			vectors[i] = float32(random.NormFloat64()) * []float32{1, 1e-3, 1e-30, 0}[i/d%4]
		}
		for i := range query {
			query[i] = float32(random.NormFloat64())
		}
		if d > 2 {
			vectors[0], vectors[1] = 5, -5
		}
		for r := range rows {
			v, c := vectors[r*d:(r+1)*d], codes[r*d:(r+1)*d]
			scales[r] = Quantize(c, v)
			Residual(residuals[r*size:(r+1)*size], v, c, scales[r])
			for i, x := range v {
				at, shift := residualAt(i)
				got := float64(32*int(c[i])+2*int(residuals[r*size+at]>>shift&15)-15) * float64(scales[r]) / 32
				if scales[r] == 0 {
					got = 0 // whatever the codes say
				}
				if math.Abs(got-float64(x)) > float64(scales[r])/32*1.001 {
					t.Fatalf("dimension %d, row %d: %v stands for %v, a step is %v", d, r, got, x, scales[r])
				}
			}
		}
		ids := []uint32{6, 0, 3, 3, 1, 5, 2, 4}
		dst := make([]float32, len(ids))
		for k := portable; k <= avx512; k++ {
			if !supports(k) {
				t.Logf("this CPU cannot run %v", k)
				continue
			}
			k.dotResidualRows(dst, query, codes, residuals, ids)
			for i, id := range ids {
				want, magnitude := 0.0, 0.0
				for j, q := range query {
					at, shift := residualAt(j)
					p := float64(q) * float64(32*int(codes[int(id)*d+j])+2*int(residuals[int(id)*size+at]>>shift&15)-15)
					want, magnitude = want+p, magnitude+math.Abs(p)
				}
				if math.Abs(float64(dst[i])-want) > magnitude*float64(d)*0x1p-23+1e-30 {
					t.Errorf("%v, dimension %d, row %d: %v, not %v", k, d, id, dst[i], want)
				}
			}
		}
		DotResidualRows(dst[:0], query, codes, residuals, nil)
	}
	for _, bad := range []func(){
		func() {
			DotResidualRows(make([]float32, 1), make([]float32, 16), make([]int8, 16), make([]uint8, 7), []uint32{0})
		},
		func() {
			DotResidualRows(make([]float32, 1), make([]float32, 16), make([]int8, 16), make([]uint8, 8), []uint32{1})
		},
		func() { Residual(make([]uint8, 8), make([]float32, 16), make([]int8, 15), 1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("what does not fit did not panic")
				}
			}()
			bad()
		}()
	}
}

func BenchmarkResidualRows(b *testing.B) {
	const rows, d = 1000, 384
	codes, residuals, query, dst, ids := make([]int8, rows*d), make([]uint8, rows*d/2), make([]float32, d), make([]float32, rows), make([]uint32, rows)
	for i := range ids {
		ids[i] = uint32(i)
	}
	for k := portable; k <= best(); k++ {
		b.Run(k.String(), func(b *testing.B) {
			for b.Loop() {
				k.dotResidualRows(dst, query, codes, residuals, ids)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
		})
	}
}
