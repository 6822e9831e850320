package rank_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"akin/internal/rank"
)

func train(t *testing.T, examples []rank.Labeled) *rank.SVM {
	t.Helper()
	m, err := rank.TrainSVM(t.Context(), examples)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func trainBag(t *testing.T, judged, others []rank.Labeled, ids []string, machines int) *rank.Bag {
	t.Helper()
	b, err := rank.TrainBag(t.Context(), judged, others, ids, machines)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSVM(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var examples []rank.Labeled
	add := func(n int, liked bool, make func() rank.Features) {
		for range n {
			examples = append(examples, rank.Labeled{Features: make(), Liked: liked, Cost: 1})
		}
	}
	// Apart in a dense and in a sparse coordinate, with noise.
	add(30, true, func() rank.Features {
		return rank.Features{Dense: []float32{1, float32(r.NormFloat64())}, Sparse: []rank.Term{{ID: 7, Weight: 1}, {ID: r.Uint32N(5), Weight: .5}}}
	})
	add(60, false, func() rank.Features {
		return rank.Features{Dense: []float32{-1, float32(r.NormFloat64())}, Sparse: []rank.Term{{ID: 9, Weight: 1}, {ID: r.Uint32N(5), Weight: .5}}}
	})
	m := train(t, examples)
	for i, x := range examples {
		if s := m.Score(x.Features); (s > 0) != x.Liked {
			t.Errorf("example %d scores %v", i, s)
		}
	}
	if m.Score(rank.Features{Dense: []float32{0, 0}, Sparse: []rank.Term{{ID: 7, Weight: 1}}}) <= m.Score(rank.Features{Dense: []float32{0, 0}, Sparse: []rank.Term{{ID: 9, Weight: 1}}}) {
		t.Error("the sparse coordinates say nothing")
	}
	again := train(t, examples)
	for _, x := range examples {
		if m.Score(x.Features) != again.Score(x.Features) {
			t.Fatal("the same examples gave another machine")
		}
	}
	if s := train(t, nil).Score(rank.Features{}); s != 0 {
		t.Errorf("no examples score %v", s)
	}
}

// around makes a paper's features around a direction.
func around(r *rand.Rand, centre []float32, spread float64) rank.Features {
	v := make([]float32, len(centre))
	var sum float64
	for i, x := range centre {
		v[i] = x + float32(spread*r.NormFloat64())
		sum += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return rank.Features{Dense: v}
}

// One more dislike never raises the disliked paper itself, and lowers what is
// near it on the whole. (It may raise single papers: a hyperplane turns.)
func TestSVMDislikePushesDown(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 60 {
		liked, disliked := unit(r, 16), unit(r, 16)
		var judged, others []rank.Labeled
		var ids []string
		for range 1 + r.IntN(8) {
			judged = append(judged, rank.Labeled{Features: around(r, liked, .2), Liked: true, Cost: .5})
		}
		for i := range 40 {
			others = append(others, rank.Labeled{Features: around(r, unit(r, 16), 0), Cost: .5})
			ids = append(ids, strconv.Itoa(i))
		}
		x := around(r, disliked, .1)
		before := trainBag(t, judged, others, ids, 2)
		after := trainBag(t, append(slices.Clone(judged), rank.Labeled{Features: x, Cost: .5}), others, ids, 2)
		const self = "self" // no id of the others
		if b, a := before.Score(self, x), after.Score(self, x); a > b+.05 {
			t.Errorf("the disliked paper rose from %v to %v", b, a)
		}
		var change float64
		for range 20 {
			near := around(r, disliked, .1)
			change += after.Score(self, near) - before.Score(self, near)
		}
		if change > 20*.05 {
			t.Errorf("what is near the dislike rose by %v on average", change/20)
		}
	}
}

// A paper that stands for those nobody judged is not held down by that.
func TestBagScoresWhatItWasTrainedWith(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	liked := unit(r, 16)
	judged := []rank.Labeled{{Features: rank.Features{Dense: liked}, Liked: true, Cost: 1}}
	var others []rank.Labeled
	var ids []string
	for i := range 40 {
		others = append(others, rank.Labeled{Features: around(r, unit(r, 16), 0), Cost: 1})
		ids = append(ids, strconv.Itoa(i))
	}
	others[7].Features = around(r, liked, .05) // would be liked, too
	b := trainBag(t, judged, others, ids, 3)
	for i, x := range others {
		if i != 7 && b.Score("7", others[7].Features) <= b.Score(strconv.Itoa(i), x.Features) {
			t.Fatalf("paper %d comes before what is like the like", i)
		}
	}
	if one := trainBag(t, judged, nil, nil, 3); one.Score("0", others[7].Features) <= 0 {
		t.Error("a like and nothing else says nothing")
	}
}
