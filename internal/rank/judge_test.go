package rank

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// drawn is n unit vectors around some centres, the nearer to them the smaller spread is.
func drawn(random *rand.Rand, n, dim, centres int, spread float64) [][]float32 {
	middle := make([][]float64, centres)
	for c := range middle {
		middle[c] = make([]float64, dim)
		for k := range middle[c] {
			middle[c][k] = random.NormFloat64()
		}
	}
	out := make([][]float32, n)
	for i := range out {
		v, sum, c := make([]float64, dim), 0.0, middle[random.IntN(centres)]
		for k := range v {
			v[k] = c[k] + spread*random.NormFloat64()
			sum += v[k] * v[k]
		}
		out[i] = make([]float32, dim)
		for k := range v {
			out[i][k] = float32(v[k] / math.Sqrt(sum))
		}
	}
	return out
}

func weightedOf(random *rand.Rand, vectors [][]float32, even bool) []Weighted {
	out := make([]Weighted, len(vectors))
	for i, v := range vectors {
		out[i] = Weighted{v, 1}
		if !even {
			out[i].Weight = []float64{1, .5, 1e-6, 3, random.Float64() + 1e-9}[random.IntN(5)]
		}
	}
	return out
}

// TestJudgeEqualsComparingAll compares judgements, bit for bit, with those by all
// similarities: of few and many examples, even and uneven weights, copies of a vector,
// whose similarities are equal, vectors that all point away, and examples that are papers.
func TestJudgeEqualsComparingAll(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 2))
	for round := range 40 {
		dim := []int{1, 7, 48, 384}[round%4]
		papers := drawn(random, 1+random.IntN(220), dim, 3, 1)
		n := []int{1, 31, 33, 300}[random.IntN(4)]
		likes := drawn(random, n, dim, 2, []float64{0, .001, 1}[random.IntN(3)])
		dislikes := drawn(random, random.IntN(50), dim, 2, 1)
		switch round % 5 {
		case 1:
			likes = append(likes, papers...)
		case 2:
			likes = append(likes, likes...)
		case 3:
			for i := range papers {
				papers[i] = slices.Clone(likes[0])
				for k := range papers[i] {
					papers[i][k] *= -1
				}
			}
		}
		for _, top := range []int{1, TopLikes} {
			up, down := NewExamples(weightedOf(random, likes, round%2 == 0)), NewExamples(weightedOf(random, dislikes, round%3 == 0))
			got, err := Judge(t.Context(), up, down, papers, top)
			if err != nil {
				t.Fatal(err)
			}
			var a, b Scratch
			for i, v := range papers {
				if want := Contributions(up.Similarities(v, &a), down.Similarities(v, &b), top); !slices.Equal(got[i], want) {
					t.Fatalf("round %d: paper %d of %d, %d likes, %d dislikes, top %d: %v, not %v", round, i, len(papers), len(likes), len(dislikes), top, got[i], want)
				}
			}
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := Judge(ended, NewExamples(nil), NewExamples(nil), [][]float32{{1}}, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context gives %v", err)
	}
}

func BenchmarkJudge(b *testing.B) {
	random := rand.New(rand.NewPCG(4, 2))
	papers := drawn(random, 500, 384, 9, 3)
	for _, n := range []int{5, 64, 2000} {
		likes := NewExamples(weightedOf(random, drawn(random, n, 384, 9, 3), true))
		b.Run(fmt.Sprintf("%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := Judge(b.Context(), likes, NewExamples(nil), papers, TopLikes); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("%d, all similarities", n), func(b *testing.B) {
			var scratch Scratch
			for b.Loop() {
				for _, v := range papers {
					Contributions(likes.Similarities(v, &scratch), nil, TopLikes)
				}
			}
		})
	}
}
