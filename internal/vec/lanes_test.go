package vec

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestLanes compares every kernel, bit for bit, with sums over one lane after the other.
func TestLanes(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 7))
	for _, k := range kernels(t) {
		for _, n := range []int{1, 2, 9, 300} {
			const groups, additions = 3, 20
			rows, plain := make([]Lanes, n), make([]Lanes, n)
			for range additions {
				var ids []uint32
				var factors []float64
				var row Lanes
				for i := range n {
					if r.IntN(3) > 0 {
						ids, factors = append(ids, uint32(i)), append(factors, float64(r.Float32()))
					}
				}
				for j := range row {
					row[j] = float64(r.Float32())
				}
				k.addLanes(rows, ids, factors, &row)
				for i, id := range ids {
					for j := range row {
						plain[id][j] += factors[i] * row[j]
					}
				}
			}
			if !slices.Equal(rows, plain) {
				t.Fatalf("%v: %d rows are %v, not %v", k, n, rows, plain)
			}
			var all, wantAll Lanes
			each, wantEach := make([]Lanes, groups), make([]Lanes, groups)
			factors, of := make([]float64, n), make([]uint32, n)
			for i := range n {
				factors[i], of[i] = r.Float64(), uint32(r.IntN(groups))
				for j, x := range plain[i] {
					part := factors[i] * x * x * x * x
					wantAll[j] += part
					wantEach[of[i]][j] += part
				}
			}
			k.addFourthPowers(&all, each, rows, factors, of)
			if all != wantAll || !slices.Equal(each, wantEach) {
				t.Fatalf("%v: %d rows: %v and %v, not %v and %v", k, n, all, each, wantAll, wantEach)
			}
			if !slices.Equal(rows, make([]Lanes, n)) {
				t.Fatalf("%v: %d rows were not cleared: %v", k, n, rows)
			}
		}
	}
}

func TestLanesOutOfRange(t *testing.T) {
	AddLanes(nil, nil, nil, nil)
	AddFourthPowers(nil, nil, nil, nil, nil)
	two, one := make([]Lanes, 2), make([]float64, 1)
	for name, f := range map[string]func(){
		"id":     func() { AddLanes(two, []uint32{2}, one, new(Lanes)) },
		"factor": func() { AddLanes(two, []uint32{0, 1}, one, new(Lanes)) },
		"group":  func() { AddFourthPowers(new(Lanes), two, two[:1], one, []uint32{2}) },
		"groups": func() { AddFourthPowers(new(Lanes), two, two[:1], one, nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no fault", name)
				}
			}()
			f()
		}()
	}
}
