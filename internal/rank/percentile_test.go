package rank

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestPercentile(t *testing.T) {
	list := []float64{1, 2, 2, 4}
	for x, want := range map[float64]float64{0: 0, 1: 12.5, 2: 50, 3: 75, 4: 87.5, 5: 100} {
		if got := Percentile(list, x); got != want {
			t.Errorf("percentile of %v is %v, want %v", x, got, want)
		}
	}
}

// A percentile follows its value, and does not change when all values and the
// list are stretched and moved alike.
func TestPercentileIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := func(list []int) []float64 {
			out := make([]float64, len(list))
			for i, x := range list {
				out[i] = float64(x)
			}
			return out
		}
		list := values(rapid.SliceOfN(rapid.IntRange(0, 30), 1, 40).Draw(t, "list"))
		slices.Sort(list)
		pair := values(rapid.SliceOfN(rapid.IntRange(-2, 32), 2, 2).Draw(t, "pair"))
		slices.Sort(pair)
		low, high := Percentile(list, pair[0]), Percentile(list, pair[1])
		if low > high || low < 0 || high > 100 {
			t.Fatalf("%v has %v, %v has %v", pair[0], low, pair[1], high)
		}
		scale := float64(rapid.IntRange(1, 8).Draw(t, "scale"))
		for i := range list {
			list[i] = scale*list[i] + 3
		}
		if got := Percentile(list, scale*pair[0]+3); got != low {
			t.Fatalf("scaled by %v: %v became %v", scale, low, got)
		}
	})
}
