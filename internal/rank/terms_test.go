package rank_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"akin/internal/rank"
)

func TestTermExamplesMeans(t *testing.T) {
	likes := [][]rank.Term{{{ID: 1, Weight: 1}}, {{ID: 1, Weight: .6}, {ID: 2, Weight: .8}}, nil}
	words := [][]rank.Term{{{ID: 1, Weight: 1}}, nil, {{ID: 3, Weight: 1}, {ID: 300_000, Weight: 1}}}
	for _, x := range []struct {
		weights []float64
		want    float64
	}{
		{[]float64{1, 1, 1}, math.Pow((1+math.Pow(.6, 4))/3, .25)},
		{[]float64{5, 5, 5}, math.Pow((1+math.Pow(.6, 4))/3, .25)},
		{[]float64{1, 3, 1}, math.Pow((1+3*math.Pow(.6, 4))/5, .25)},
	} {
		got, _, err := rank.NewTermExamples(likes, x.weights, nil, 1).Means(t.Context(), words)
		if err != nil || math.Abs(got[0]-x.want) > 1e-6 {
			t.Errorf("weights %v give %v (%v), want %v", x.weights, got, err, x.want)
		}
		if got[1] != 0 || got[2] != 0 {
			t.Errorf("papers without words of likes are like %v", got[1:])
		}
	}
	one, _, err := rank.NewTermExamples(likes[1:2], []float64{2}, nil, 1).Means(t.Context(), words)
	if err != nil || math.Abs(one[0]-.6) > 1e-6 {
		t.Errorf("one example gives %v (%v), not its cosine", one, err)
	}
	none, each, err := rank.NewTermExamples(nil, nil, nil, 2).Means(t.Context(), words)
	if err != nil || !slices.Equal(none, make([]float64, 3)) || len(each) != 2 || !slices.Equal(each[1], none) {
		t.Errorf("no example gives %v and %v (%v)", none, each, err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, _, err := rank.NewTermExamples(likes, []float64{1, 1, 1}, nil, 1).Means(ended, words); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context gives %v", err)
	}
}

// plainMeans are the means of one vector by loops over its terms and all examples.
func plainMeans(terms []rank.Term, examples [][]rank.Term, weights []float64, of []int, n int) (all float64, each []float64) {
	total, totals := 0.0, make([]float64, n)
	for _, w := range weights {
		total += w
	}
	each = make([]float64, n)
	for i, example := range examples {
		weight := weights[i] / total
		totals[of[i]] += weight
		cosine := 0.0
		for _, a := range terms {
			for _, b := range example {
				if a.ID == b.ID {
					cosine += float64(a.Weight) * float64(b.Weight)
				}
			}
		}
		part := float64(weight * cosine * cosine * cosine * cosine)
		all += part
		each[of[i]] += part
	}
	for g := range each {
		if totals[g] > 0 {
			each[g] /= totals[g]
		}
		each[g] = math.Sqrt(math.Sqrt(each[g]))
	}
	return math.Sqrt(math.Sqrt(all)), each
}

// drawTerms are sparse vectors, some without terms.
func drawTerms(random *rand.Rand, n int, vocabulary uint32) [][]rank.Term {
	out := make([][]rank.Term, n)
	for i := range out {
		var ids []uint32
		for range random.IntN(40) {
			ids = append(ids, min(random.Uint32N(vocabulary), random.Uint32N(vocabulary), random.Uint32N(vocabulary)))
		}
		slices.Sort(ids)
		for _, id := range slices.Compact(ids) {
			out[i] = append(out[i], rank.Term{ID: id, Weight: random.Float32()})
		}
	}
	return out
}

// TestMeansAreThoseOfLoops compares means, bit for bit, with those of loops: of few and many
// examples, vectors that do not fill the lanes, groups without examples.
func TestMeansAreThoseOfLoops(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 1))
	for range 60 {
		vocabulary := []uint32{1, 60, 5000, 70_000}[random.IntN(4)]
		examples, vectors := drawTerms(random, random.IntN(70), vocabulary), drawTerms(random, random.IntN(30), vocabulary+50)
		if random.IntN(3) == 0 { // numbers of terms far apart, most of which are none
			for _, terms := range append(slices.Clone(examples), vectors...) {
				for i := range terms {
					terms[i].ID *= 60_000
				}
			}
		}
		n := 1 + random.IntN(9)
		weights, of := make([]float64, len(examples)), make([]int, len(examples))
		for i := range weights {
			weights[i], of[i] = random.Float64()+1e-6, random.IntN(n)
		}
		all, each, err := rank.NewTermExamples(examples, weights, of, n).Means(t.Context(), vectors)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range vectors {
			wantAll, wantEach := plainMeans(v, examples, weights, of, n)
			if all[i] != wantAll {
				t.Fatalf("vector %d of %d, %d examples: %v, not %v", i, len(vectors), len(examples), all[i], wantAll)
			}
			for g, want := range wantEach {
				if each[g][i] != want {
					t.Fatalf("vector %d of %d, %d examples, group %d of %d: %v, not %v", i, len(vectors), len(examples), g, n, each[g][i], want)
				}
			}
		}
	}
}
