package rank_test

import (
	"math/rand/v2"
	"testing"

	"akin/internal/rank"
)

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
	m := rank.TrainSVM(examples)
	for i, x := range examples {
		if s := m.Score(x.Features); (s > 0) != x.Liked {
			t.Errorf("example %d scores %v", i, s)
		}
	}
	if m.Score(rank.Features{Dense: []float32{0, 0}, Sparse: []rank.Term{{ID: 7, Weight: 1}}}) <= m.Score(rank.Features{Dense: []float32{0, 0}, Sparse: []rank.Term{{ID: 9, Weight: 1}}}) {
		t.Error("the sparse coordinates say nothing")
	}
	again := rank.TrainSVM(examples)
	for _, x := range examples {
		if m.Score(x.Features) != again.Score(x.Features) {
			t.Fatal("the same examples gave another machine")
		}
	}
	if s := rank.TrainSVM(nil).Score(rank.Features{}); s != 0 {
		t.Errorf("no examples score %v", s)
	}
}
