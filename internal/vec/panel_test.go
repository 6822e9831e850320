package vec

import (
	"math"
	"math/rand/v2"
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
