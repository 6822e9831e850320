package vec

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestSparse holds every kernel against sums in float64, with empty rows, and places that
// several columns share.
func TestSparse(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, k := range []kernel{portable, avx2, avx512} {
		if !supports(k) {
			continue
		}
		for _, n := range []int{1, 2, 7, 100} {
			const width, rows = 50, 9
			var s Sparse
			full := make([][]float64, n)
			for i := range n {
				full[i] = make([]float64, width)
				var columns []uint32
				var values []float32
				for c := range uint32(width) {
					if i%5 != 3 && r.IntN(8) == 0 {
						columns, values = append(columns, c), append(values, float32(r.NormFloat64()))
						full[i][c] = float64(values[len(values)-1])
					}
				}
				s = s.Append(width, columns, values)
			}
			places, panel, dst := make([]uint32, width), make([]float32, rows*PanelWidth), make([]float32, n*PanelWidth+1)
			for i := range places {
				places[i] = uint32(r.IntN(rows))
			}
			for i := range panel {
				panel[i] = float32(r.NormFloat64())
			}
			for i := range dst {
				dst[i] = float32(i)
			}
			k.addSparse(&s, dst, places, panel)
			for i := range n {
				for j := range PanelWidth {
					want, size := float64(i*PanelWidth+j), float64(i*PanelWidth+j)
					for c := range width {
						p := full[i][c] * float64(panel[int(places[c])*PanelWidth+j])
						want, size = want+p, size+math.Abs(p)
					}
					if got := float64(dst[i*PanelWidth+j]); math.Abs(got-want) > 1e-6*size+1e-6 {
						t.Fatalf("%v: %d rows: row %d with vector %d is %v, want %v", k, n, i, j, got, want)
					}
				}
			}
			if dst[n*PanelWidth] != float32(n*PanelWidth) {
				t.Fatalf("%v: %d rows: written behind the end", k, n)
			}
		}
	}
	var none Sparse
	none.AddPanel(nil, nil, nil)
	for name, fault := range map[string]func(){
		"a column beyond the width": func() { Sparse{}.Append(3, []uint32{3}, []float32{1}) },
		"a place beyond the panel": func() {
			s := Sparse{}.Append(3, []uint32{1}, []float32{1})
			s.AddPanel(make([]float32, PanelWidth), []uint32{0, 1, 0}, make([]float32, PanelWidth))
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is no fault", name)
				}
			}()
			fault()
		}()
	}
}
