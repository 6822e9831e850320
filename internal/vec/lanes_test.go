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
			const groups = 3
			rows, plain := make([]Lanes, n), make([]Lanes, n)
			var ends, ids, lists []uint32
			var factors []float64
			var from []Lanes
			for list := range uint32(40) {
				first := len(ids)
				for i := range n {
					if r.IntN(3) > 0 && list%7 > 0 {
						ids, factors = append(ids, uint32(i)), append(factors, float64(r.Float32()))
					}
				}
				ends = append(ends, uint32(len(ids)))
				if r.IntN(3) == 0 {
					continue
				}
				var row Lanes
				for j := range row {
					row[j] = float64(r.Float32())
				}
				lists, from = append(lists, list), append(from, row)
				for i, id := range ids[first:] {
					for j := range row {
						plain[id][j] += factors[first+i] * row[j]
					}
				}
			}
			all := NewLaneLists(n, ends, ids, factors)
			k.addLanes(&all, rows, lists, from)
			if !slices.Equal(rows, plain) {
				t.Fatalf("%v: %d rows are %v, not %v", k, n, rows, plain)
			}
			var sums, wantAll Lanes
			each, wantEach := make([]Lanes, groups), make([]Lanes, groups)
			of := make([]uint32, n)
			factors = make([]float64, n)
			for i := range n {
				factors[i], of[i] = r.Float64(), uint32(r.IntN(groups))
				for j, x := range plain[i] {
					part := factors[i] * x * x * x * x
					wantAll[j] += part
					wantEach[of[i]][j] += part
				}
			}
			k.addFourthPowers(&sums, each, rows, factors, of)
			if sums != wantAll || !slices.Equal(each, wantEach) {
				t.Fatalf("%v: %d rows: %v and %v, not %v and %v", k, n, sums, each, wantAll, wantEach)
			}
			if !slices.Equal(rows, make([]Lanes, n)) {
				t.Fatalf("%v: %d rows were not cleared: %v", k, n, rows)
			}
		}
	}
}

func TestLanesOutOfRange(t *testing.T) {
	AddFourthPowers(nil, nil, nil, nil, nil)
	two, one := make([]Lanes, 2), make([]float64, 1)
	sound := NewLaneLists(2, []uint32{0, 1}, []uint32{1}, one)
	sound.Add(two, []uint32{0, 1}, two)
	for name, f := range map[string]func(){
		"id":     func() { NewLaneLists(2, []uint32{1}, []uint32{2}, one) },
		"end":    func() { NewLaneLists(2, []uint32{1, 0}, []uint32{1}, one) },
		"factor": func() { NewLaneLists(2, []uint32{2}, []uint32{0, 1}, one) },
		"list":   func() { sound.Add(two, []uint32{2}, two) },
		"from":   func() { sound.Add(two, []uint32{0, 1}, two[:1]) },
		"to":     func() { sound.Add(two[:1], []uint32{1}, two) },
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
