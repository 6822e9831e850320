package vec

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestDotPanel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, k := range []kernel{portable, avx2, avx512} {
		if !supports(k) {
			continue
		}
		for _, n := range []int{1, 2, 5, 6, 7, 11, 12, 13, 100} {
			for _, dim := range []int{1, 3, 8, 192, 385} {
				rows, panel := make([]float32, n*dim), make([]float32, dim*PanelWidth)
				for i := range rows {
					rows[i] = float32(r.NormFloat64())
				}
				for i := range panel {
					panel[i] = float32(r.NormFloat64())
				}
				dst := make([]float32, n*PanelWidth+1)
				dst[n*PanelWidth] = 7
				k.dotPanel(dst, rows, panel, dim)
				for i := range n {
					for j := range PanelWidth {
						want, size := 0.0, 0.0
						for d := range dim {
							p := float64(rows[i*dim+d]) * float64(panel[d*PanelWidth+j])
							want, size = want+p, size+math.Abs(p)
						}
						if got := float64(dst[i*PanelWidth+j]); math.Abs(got-want) > 1e-6*size+1e-6 {
							t.Fatalf("%v: %d rows of %d: row %d with vector %d is %v, want %v", k, n, dim, i, j, got, want)
						}
					}
				}
				if dst[n*PanelWidth] != 7 {
					t.Fatalf("%v: %d rows of %d: written behind the end", k, n, dim)
				}
			}
		}
	}
	DotPanel(nil, nil, nil, 3)
	defer func() {
		if recover() == nil {
			t.Error("a short panel is no fault")
		}
	}()
	DotPanel(make([]float32, 16), make([]float32, 3), make([]float32, 47), 3)
}

// TestPanelsAreEqual holds the kernels of panels for wider registers against those for
// narrower ones, bit for bit.
func TestPanelsAreEqual(t *testing.T) {
	if !supports(avx512) {
		t.Skip("this CPU lacks AVX-512")
	}
	r := rand.New(rand.NewPCG(3, 4))
	numbers := func(n int) []float32 {
		out := make([]float32, n)
		for i := range out {
			out[i] = float32(r.NormFloat64())
		}
		return out
	}
	for _, n := range []int{1, 11, 12, 13, 50} {
		const dim = 98
		rows, panel := numbers(n*dim), numbers(dim*PanelWidth)
		var s Sparse
		for range n {
			s = s.Append(dim, []uint32{uint32(r.IntN(dim)), uint32(r.IntN(dim))}, numbers(2))
		}
		few, _ := sparsePanel(r, dim, 20)
		var sums [2][]float32
		for i, k := range []kernel{avx2, avx512} {
			sums[i] = make([]float32, n*PanelWidth)
			k.dotPanel(sums[i], rows, panel, dim)
			k.addSparse(&s, sums[i], few)
		}
		if !slices.Equal(sums[0], sums[1]) {
			t.Errorf("%d rows: kernels give other bits", n)
		}
	}
}

func BenchmarkDotPanel(b *testing.B) {
	const n, dim = 512, 192
	rows, panel, dst := make([]float32, n*dim), make([]float32, dim*PanelWidth), make([]float32, n*PanelWidth)
	for i := range rows {
		rows[i] = rand.Float32()
	}
	for b.Loop() {
		DotPanel(dst, rows, panel, dim)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/PanelWidth/n*1000, "ps/product")
}

// TestAtLeast compares every kernel with the comparison by its definition, at bounds that
// products reach exactly.
func TestAtLeast(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 5))
	for _, k := range kernels(t) {
		for _, n := range []int{0, 1, 2, 7, 96} {
			dots, least := make([]float32, n*PanelWidth), make([]float32, n)
			var factors [PanelWidth]float32
			for j := range factors {
				factors[j] = r.Float32()
			}
			for i := range dots {
				if dots[i] = float32(r.NormFloat64()); r.IntN(50) == 0 {
					dots[i] = float32(math.NaN())
				}
			}
			for i := range least {
				switch r.IntN(4) {
				case 0:
					least[i] = float32(math.Inf(-1))
				case 1:
					least[i] = r.Float32()
				default:
					j := r.IntN(PanelWidth)
					least[i] = dots[i*PanelWidth+j] * factors[j]
				}
			}
			masks := make([]uint16, n+1)
			masks[n] = 7
			k.atLeast(masks, dots, &factors, least)
			for i := range n {
				for j := range PanelWidth {
					if want := !(dots[i*PanelWidth+j]*factors[j] < least[i]); masks[i]>>j&1 == 1 != want {
						t.Fatalf("%v: %v times %v is not less than %v: %v", k, dots[i*PanelWidth+j], factors[j], least[i], !want)
					}
				}
			}
			if masks[n] != 7 {
				t.Fatalf("%v: written behind the end", k)
			}
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("too few products are no fault")
		}
	}()
	AtLeast(make([]uint16, 1), make([]float32, 15), new([PanelWidth]float32), make([]float32, 1))
}
