package rank

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestDecays(t *testing.T) {
	unknown := math.NaN()
	got := Decays([]float64{0, 365, 730, unknown, -10}, 365)
	want := []float64{1, .5, .25, .75, 1} // the median of 1, 1, 1/2 and 1/4
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-12 {
			t.Errorf("decays %v, want %v", got, want)
		}
	}
	if got := Decays([]float64{unknown, unknown}, 1); !slices.Equal(got, []float64{1, 1}) {
		t.Errorf("without any date: %v", got)
	}
}

// The extremes of the weight are relevance alone and age alone; between them the
// score stays within [0, 1].
func TestFreshen(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		n := 2 + random.IntN(20)
		scores, ages := make([]float64, n), make([]float64, n)
		for i := range scores {
			scores[i], ages[i] = random.NormFloat64(), random.Float64()*3000
		}
		decays := Decays(ages, 365)
		order := func(by []float64) []int {
			at := make([]int, n)
			for i := range at {
				at[i] = i
			}
			slices.SortFunc(at, func(i, j int) int { return int(math.Copysign(1, by[j]-by[i])) })
			return at
		}
		if !slices.Equal(order(Freshen(scores, decays, 0)), order(scores)) {
			t.Error("a weight of 0 changes the order")
		}
		if !slices.Equal(order(Freshen(scores, decays, 1)), order(decays)) {
			t.Error("a weight of 1 is not the order of age")
		}
		for _, score := range Freshen(scores, decays, random.Float64()) {
			if score < -1e-12 || score > 1+1e-12 {
				t.Errorf("a score of %v", score)
			}
		}
	}
	if got := Freshen([]float64{2, 2}, []float64{1, .5}, .5); got[0] <= got[1] {
		t.Errorf("of equal relevance: %v", got)
	}
	if got := Freshen(nil, nil, .5); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}
