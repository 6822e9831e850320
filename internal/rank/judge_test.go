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
			got, err := NewBench(up, down, nil, 1, top).Judge(t.Context(), papers)
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
	if _, err := NewBench(NewExamples(nil), NewExamples(nil), nil, 1, 1).Judge(ended, [][]float32{{1}}); !errors.Is(err, context.Canceled) {
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
				if _, err := NewBench(likes, NewExamples(nil), nil, 1, TopLikes).Judge(b.Context(), papers); err != nil {
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

// TestJudgeApartEqualsComparingAll compares verdicts by groups, bit for bit, with those by
// all similarities: of few and many likes, in few and many groups, some of one like or of
// none, with equal similarities across groups.
func TestJudgeApartEqualsComparingAll(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 2))
	for round := range 40 {
		dim := []int{1, 7, 48, 384}[round%4]
		papers := drawn(random, 1+random.IntN(220), dim, 3, 1)
		likes := drawn(random, []int{2, 31, 33, 300}[random.IntN(4)], dim, 2, []float64{0, .001, 1}[random.IntN(3)])
		if round%5 == 0 {
			likes = append(likes, likes...) // in other groups as well
		}
		n := []int{1, 2, 20}[random.IntN(3)]
		of := make([]int, len(likes))
		for i := range of {
			of[i] = random.IntN(n)
		}
		weighted := weightedOf(random, likes, round%2 == 0)
		up, down := NewExamples(weighted), NewExamples(weightedOf(random, drawn(random, random.IntN(50), dim, 2, 1), round%3 == 0))
		var a, b Scratch
		seen := 0
		err := NewBench(up, down, of, n, TopLikes).JudgeApart(t.Context(), papers, func(i int, v *Verdict) {
			if i != seen {
				t.Fatalf("round %d: paper %d after %d", round, i, seen)
			}
			seen++
			liked, disliked := up.Similarities(papers[i], &a), down.Similarities(papers[i], &b)
			if want := Contributions(liked, nil, TopLikes); !slices.Equal(v.All, want) {
				t.Fatalf("round %d: paper %d of %d, %d likes: all are %v, not %v", round, i, len(papers), len(likes), v.All, want)
			}
			if want := nearestDislike(disliked); v.Dislike != want {
				t.Fatalf("round %d: paper %d: the dislike is %v, not %v", round, i, v.Dislike, want)
			}
			for g := range n {
				want := contributionsOf(liked, of, g)
				if !slices.Equal(v.Apart[g], want) {
					t.Fatalf("round %d: paper %d, group %d of %d: %v, not %v", round, i, g, n, v.Apart[g], want)
				}
				if parts := v.Parts(g); len(parts) < len(want) || !slices.Equal(parts[:len(want)], want) || (v.Dislike.Value < 0) != (len(parts) > len(want)) {
					t.Fatalf("round %d: paper %d, group %d: parts %v of %v and %v", round, i, g, parts, want, v.Dislike)
				}
			}
		})
		if err != nil || seen != len(papers) {
			t.Fatalf("round %d: %d of %d papers, %v", round, seen, len(papers), err)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	err := NewBench(NewExamples(about(random, 1, 2)), NewExamples(nil), []int{0, 1}, 2, 1).JudgeApart(ended, [][]float32{make([]float32, 32)}, func(int, *Verdict) {
		t.Error("a paper is judged although nobody waits")
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context gives %v", err)
	}
}

// contributionsOf are those of the likes of a group alone, under their places among all.
func contributionsOf(likes []Near, of []int, group int) []Contribution {
	var own []Near
	var places []int
	for i, l := range likes {
		if of[i] == group {
			own, places = append(own, l), append(places, i)
		}
	}
	parts := Contributions(own, nil, TopLikes)
	for i := range parts {
		parts[i].Example = places[parts[i].Example]
	}
	return parts
}
