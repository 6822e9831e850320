package rank_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"akin/internal/rank"
)

func TestStandardize(t *testing.T) {
	got := rank.Standardize([]float64{1, 2, 3, 4})
	var sum, squares float64
	for _, x := range got {
		sum += x
		squares += x * x
	}
	if math.Abs(sum) > 1e-12 || math.Abs(squares/4-1) > 1e-12 {
		t.Errorf("%v", got)
	}
	if got := rank.Standardize([]float64{2, 2}); got[0] != 0 || got[1] != 0 {
		t.Errorf("equal scores became %v", got)
	}
	if got := rank.Standardize(nil); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func TestFuse(t *testing.T) {
	dense, lexical := []float64{.9, .5, .1}, []float64{0, 12, 0}
	if got := rank.FuseZ(dense, lexical, 1); got[0] < got[1] || got[1] < got[2] {
		t.Errorf("dense alone: %v", got)
	}
	if got := rank.FuseZ(dense, lexical, 0); got[1] <= got[0] || got[0] != got[2] {
		t.Errorf("lexical alone: %v", got)
	}
	if dense[0] != .9 || lexical[1] != 12 {
		t.Error("the scores were changed")
	}
	got := rank.FuseRelative(dense, lexical, .4)
	for i, want := range []float64{.9, .9, .1} {
		if math.Abs(got[i]-want) > 1e-12 {
			t.Errorf("relative: %v", got)
		}
	}
	if got := rank.FuseRelative(dense, []float64{0, -1, 0}, .4); !slices.Equal(got, dense) {
		t.Errorf("relative, without words: %v", got)
	}
	if got := rank.FuseRelative(nil, nil, .4); len(got) != 0 {
		t.Errorf("relative of nothing: %v", got)
	}
	got = rank.FuseRRF(dense, lexical)
	want := []float64{1. / 61, 1./62 + 1./61, 1. / 63}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-12 {
			t.Errorf("RRF %v, want %v", got, want)
		}
	}
}

func unit(r *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	var sum float64
	for i := range v {
		v[i] = float32(r.NormFloat64())
		sum += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}

func TestDiversify(t *testing.T) {
	a, b := []float32{1, 0}, []float32{0, 1}
	scores, vectors := []float64{.9, .89, .5}, [][]float32{a, a, b}
	if got := rank.Diversify(scores, vectors, 3, 0); !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("no diversity: %v", got)
	}
	if got := rank.Diversify(scores, vectors, 3, .7); !slices.Equal(got, []int{0, 2, 1}) {
		t.Errorf("diversity: %v", got)
	}
	if got := rank.Diversify(scores, vectors, 1, .7); !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("one place: %v", got)
	}
	// Whatever comes in, the same positions come out, each once.
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		n := r.IntN(20)
		var s []float64
		var v [][]float32
		for range n {
			s, v = append(s, r.Float64()), append(v, unit(r, 4))
		}
		got := rank.Diversify(s, v, r.IntN(25), r.Float64())
		slices.Sort(got)
		for i, x := range got {
			if x != i {
				t.Fatalf("positions %v", got)
			}
		}
	}
}

func similarities(v []float32, examples []rank.Weighted) []rank.Near {
	return rank.NewExamples(examples).Similarities(v, new(rank.Scratch))
}

// One dislike pushes what is near it down and nothing up, and what is nearer
// not less.
func TestDislikePushesDown(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	weighted := func(n int) (out []rank.Weighted) {
		for range n {
			out = append(out, rank.Weighted{Vector: unit(r, 6), Weight: .5 + r.Float64()})
		}
		return out
	}
	for range 2000 {
		likes, dislikes := weighted(1+r.IntN(6)), weighted(r.IntN(4))
		added := append(slices.Clone(dislikes), rank.Weighted{Vector: unit(r, 6), Weight: 1 + r.Float64()})
		v := unit(r, 6)
		near := similarities(v, likes)
		before := topMean(near, similarities(v, dislikes))
		after := topMean(near, similarities(v, added))
		if after > before+1e-12 {
			t.Fatalf("a dislike raised a score from %v to %v", before, after)
		}
		// The disliked paper itself is lowered by half at least.
		self := added[len(added)-1].Vector
		base := topMean(similarities(self, likes), nil)
		if got := topMean(similarities(self, likes), similarities(self, added)); base-got < .5-1e-5 {
			t.Fatalf("the disliked paper went from %v to %v", base, got)
		}
	}
}

func TestContributions(t *testing.T) {
	likes := []rank.Near{{.2, 1}, {.8, 1}, {.9, .5}, {.5, 1}, {-.4, 1}}
	got := rank.Contributions(likes, []rank.Near{{.1, 1}, {.6, 1}}, 3)
	if len(got) != 4 || got[0].Example != 1 || got[1].Example != 3 || got[2].Example != 2 || got[3] != (rank.Contribution{Example: 1, Value: -.3}) {
		t.Errorf("%+v", got)
	}
	sum := 0.0
	for _, c := range got {
		sum += c.Value
	}
	if s := topMean(likes, []rank.Near{{.1, 1}, {.6, 1}}); math.Abs(s-sum) > 1e-12 || math.Abs(s-((.8+.5+.45)/3-.3)) > 1e-12 {
		t.Errorf("%v, the parts add up to %v", s, sum)
	}
	if got := topMean(nil, nil); got != 0 {
		t.Errorf("nothing scores %v", got)
	}
}

// In a hybrid taste, too, a dislike raises nothing.
func TestFuseTaste(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 500 {
		n := 2 + r.IntN(20)
		near, words, before, after := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
		for i := range n {
			near[i], words[i], before[i] = r.Float64(), r.Float64(), -r.Float64()/2
			after[i] = min(before[i], -r.Float64()/2)
		}
		papers := rank.Taste{Near: near, Words: words}
		a, b := rank.FuseTaste(papers, papers, before, .6), rank.FuseTaste(papers, papers, after, .6)
		for i := range n {
			if b[i] > a[i]+1e-9 {
				t.Fatalf("a dislike raised a score from %v to %v", a[i], b[i])
			}
		}
	}
	// Likes and dislikes weigh against each other as they do without words.
	two := rank.Taste{Near: []float64{.8, .6}, Words: []float64{.1, .1}}
	got := rank.FuseTaste(two, two, []float64{-.2, 0}, 1)
	if math.Abs(got[0]-got[1]) > 1e-9 {
		t.Errorf("%v", got)
	}
	// Means .2 and 0, deviations .1 and 1 (there is none).
	usual := rank.Taste{Near: []float64{.1, .3}, Words: []float64{0, 0}}
	got = rank.FuseTaste(two, usual, []float64{0, -.1}, .5)
	if math.Abs(got[0]-(.5*6+.5*.1)) > 1e-9 || math.Abs(got[1]-(.5*3+.5*.1)) > 1e-9 {
		t.Errorf("%v", got)
	}
}

// topMean is the score that contributions add up to, of the top 3.
func topMean(likes, dislikes []rank.Near) float64 {
	return rank.Sum(rank.Contributions(likes, dislikes, rank.TopLikes))
}
