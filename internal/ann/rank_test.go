package ann_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"akin/internal/ann"
)

func TestRankOrdersAsResultsDo(t *testing.T) {
	score := rapid.OneOf(rapid.Float32(), rapid.Float32Range(-1, 1), rapid.SampledFrom([]float32{
		0, float32(math.Copysign(0, -1)), 1, -1, math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32,
		float32(math.Inf(1)), float32(math.Inf(-1)),
	}))
	rapid.Check(t, func(t *rapid.T) {
		a, b := score.Draw(t, "a"), score.Draw(t, "b")
		m, n := rapid.Uint32().Draw(t, "m"), rapid.Uint32().Draw(t, "n")
		better := a > b || a == b && m < n
		if got := ann.RankOf(a, m) > ann.RankOf(b, n); got != better {
			t.Fatalf("(%v, %d) before (%v, %d): %v, want %v", a, m, b, n, got, better)
		}
		if s, number := ann.Unrank(ann.RankOf(a, m)); s != a || number != m {
			t.Fatalf("(%v, %d) came back as (%v, %d)", a, m, s, number)
		}
	})
}

func TestRankOfNegativeZeroIsThatOfZero(t *testing.T) {
	negative := float32(math.Copysign(0, -1))
	if ann.RankOf(negative, 1) != ann.RankOf(0, 1) {
		t.Error("-0 and 0 are equal scores and have two ranks")
	}
}

// TestDiversity chooses links in a plane: the node is at 0 degrees.
func TestDiversity(t *testing.T) {
	for _, c := range []struct {
		candidates []float64 // degrees, nearest first
		fixed      []uint32  // of candidates
		limit      int
		want       []uint32
	}{
		{[]float64{10, 12, -15, -40}, nil, 4, []uint32{0, 2}}, // 12 is nearer to 10, -40 to -15
		{[]float64{10, 12, -15, -40}, nil, 1, []uint32{0}},
		{[]float64{10, 12, -15, -40}, []uint32{1}, 4, []uint32{1, 2}}, // and 10 to 12
		{[]float64{10, 12, -15, -40}, []uint32{3, 1}, 2, []uint32{3, 1}},
		{[]float64{60, -60}, nil, 2, []uint32{0, 1}},
		{nil, nil, 2, nil},
	} {
		if got := ann.Choose(c.candidates, c.fixed, c.limit); !slices.Equal(got, c.want) {
			t.Errorf("of %v, with %v fixed and room for %d: %v, want %v", c.candidates, c.fixed, c.limit, got, c.want)
		}
	}
}

func TestHeaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ranks []ann.Rank
		for _, n := range rapid.SliceOf(rapid.Uint64()).Draw(t, "ranks") {
			ranks = append(ranks, ann.Rank(n))
		}
		limit := rapid.IntRange(1, 20).Draw(t, "limit")
		want := slices.Clone(ranks)
		slices.Sort(want)
		slices.Reverse(want)
		if got := ann.HeapSort(ranks); !slices.Equal(got, want) {
			t.Fatalf("heap gave %v, want %v", got, want)
		}
		if got := ann.BestOf(ranks, limit); !slices.Equal(got, want[:min(limit, len(want))]) {
			t.Fatalf("best %d are %v, want %v", limit, got, want)
		}
	})
}

func TestCosineIsInRange(t *testing.T) {
	for in, want := range map[float32]float32{1.0000001: 1, -1.0000001: -1, 0.5: 0.5, 1: 1, -1: -1} {
		if got := ann.Cosine(in); got != want {
			t.Errorf("%v became %v, want %v", in, got, want)
		}
	}
}
