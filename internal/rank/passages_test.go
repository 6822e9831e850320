package rank_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"akin/internal/rank"
)

func TestPairs(t *testing.T) {
	first := [][]float32{{1, 0}, {0, 1}, {0.6, 0.8}}
	second := [][]float32{{0, 1}, {0.8, 0.6}}
	got := rank.Pairs(first, second)
	want := []rank.Pair{{First: 1, Second: 0, Similarity: 1}, {First: 2, Second: 1, Similarity: 0.96}, {First: 0, Second: 1, Similarity: 0.8}}
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for i, w := range want {
		if got[i].First != w.First || got[i].Second != w.Second || math.Abs(got[i].Similarity-w.Similarity) > 1e-6 {
			t.Errorf("pair %d is %v, want %v", i, got[i], w)
		}
	}
	if rank.Pairs(nil, second) != nil || rank.Pairs(first, nil) != nil {
		t.Error("pairs of nothing")
	}
}

func TestSentenceSimilarity(t *testing.T) {
	query, text := [][]float32{{1, 0}}, [][]float32{{0, 1}, {0.6, 0.8}}
	if got := rank.SentenceSimilarity(query, text); math.Abs(got-0.6) > 1e-6 {
		t.Errorf("a query is %v near, want its nearest sentence's 0.6", got)
	}
	both := [][]float32{{1, 0}, {0, 1}}
	// Forth: 0.6 and 1, back: 1 and 0.8.
	if got := rank.SentenceSimilarity(both, text); math.Abs(got-(0.8+0.9)/2) > 1e-6 {
		t.Errorf("two texts are %v near, want 0.85", got)
	}
	if a, b := rank.SentenceSimilarity(both, text), rank.SentenceSimilarity(text, both); math.Abs(a-b) > 1e-12 {
		t.Errorf("%v one way, %v the other", a, b)
	}
	if !math.IsNaN(rank.SentenceSimilarity(nil, text)) || !math.IsNaN(rank.SentenceSimilarity(query, nil)) {
		t.Error("a text without sentences is near something")
	}
}

func TestRerank(t *testing.T) {
	hits := []rank.Hit{{ID: "a", Score: 3}, {ID: "b", Score: 2.9}, {ID: "c", Score: 2.8}, {ID: "d", Score: 1}}
	rank.Rerank(hits, []float64{0.1, 0.9, 0.5, math.NaN()})
	var order []string
	for _, h := range hits {
		order = append(order, h.ID)
	}
	if !slices.Equal(order, []string{"b", "c", "a", "d"}) {
		t.Errorf("order %v", order)
	}
}

// Whatever the scores are, the list stays in order, keeps its papers and does
// not fall below what follows it; equal sentences change nothing.
func TestRerankProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		n := 1 + r.IntN(20)
		hits, near, same := make([]rank.Hit, n), make([]float64, n), make([]float64, n)
		for i := range hits {
			hits[i] = rank.Hit{ID: string(rune('a' + i)), Score: float64(r.IntN(5))}
			near[i], same[i] = r.Float64()*2-1, 0.5
			if r.IntN(5) == 0 {
				near[i] = math.NaN()
			}
		}
		rank.Sort(hits)
		unchanged := slices.Clone(hits)
		rank.Rerank(unchanged, same)
		least := hits[n-1].Score
		for i := range hits {
			if unchanged[i].ID != hits[i].ID {
				t.Fatalf("equal sentences moved %v to %v", hits, unchanged)
			}
		}
		rank.Rerank(hits, near)
		seen := make(map[string]bool)
		for i, h := range hits {
			seen[h.ID] = true
			if math.IsNaN(h.Score) || h.Score < least || i > 0 && h.Score > hits[i-1].Score {
				t.Fatalf("score %d of %v", i, hits)
			}
		}
		if len(seen) != n {
			t.Fatalf("papers lost: %v", hits)
		}
	}
}
