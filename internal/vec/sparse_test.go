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
			p, panel := sparsePanel(r, width, rows)
			dst := make([]float32, n*PanelWidth+1)
			for i := range dst {
				dst[i] = float32(i)
			}
			k.addSparse(&s, dst, p)
			for i := range n {
				for j := range PanelWidth {
					want, size := float64(i*PanelWidth+j), float64(i*PanelWidth+j)
					for c := range width {
						p := full[i][c] * float64(panel[c][j])
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
	none.AddPanel(nil, &SparsePanel{})
	for name, fault := range map[string]func(){
		"a column beyond the width": func() { Sparse{}.Append(3, []uint32{3}, []float32{1}) },
		"a matrix wider than the panel": func() {
			s, p := Sparse{}.Append(3, []uint32{1}, []float32{1}), SparsePanel{}
			p.Reset(2)
			s.AddPanel(make([]float32, PanelWidth), &p)
		},
		"a panel that was never reset": func() {
			s := Sparse{}.Append(3, []uint32{1}, []float32{1})
			s.AddPanel(make([]float32, PanelWidth), &SparsePanel{places: make([]uint32, 3)})
		},
		"a vector behind the last": func() {
			p := SparsePanel{}
			p.Reset(2)
			p.Set(1, PanelWidth, 1)
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

// sparsePanel makes a panel whose vectors have numbers in few columns, twice, since the
// second must not find what was set before; and gives the same as [width][PanelWidth].
func sparsePanel(r *rand.Rand, width, few int) (*SparsePanel, [][PanelWidth]float32) {
	p := &SparsePanel{}
	var full [][PanelWidth]float32
	for range 2 {
		p.Reset(width)
		full = make([][PanelWidth]float32, width)
		for range few {
			c := r.IntN(width)
			for range 3 {
				j, x := r.IntN(PanelWidth), float32(r.NormFloat64())
				full[c][j] = x
				if row := p.Set(uint32(c), j, x); row == 0 || row != p.Row(uint32(c)) {
					panic("a column that has numbers is in the row of zeros")
				}
			}
		}
	}
	return p, full
}
