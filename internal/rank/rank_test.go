package rank

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"akin/internal/paper"
)

func TestSortBreaksTiesByID(t *testing.T) {
	hits := []Hit{{ID: "b", Score: .5}, {ID: "c", Score: .9}, {ID: "a", Score: .5}}
	Sort(hits)
	if got := hits[0].ID + hits[1].ID + hits[2].ID; got != "cab" {
		t.Errorf("order = %s, want cab", got)
	}
}

func TestMeanVectorErrors(t *testing.T) {
	if _, err := MeanVector(nil, nil); paper.KindOf(err) != paper.Invalid {
		t.Errorf("no likes: %v, want kind Invalid", err)
	}
	like := []Weighted{{[]float32{1, 0}, 1}}
	dislike := []Weighted{{[]float32{1, 0}, 1}}
	if v, err := MeanVector(like, dislike); err != nil || v[0] != 1 {
		t.Errorf("liked and disliked alike: %v, %v; want the direction itself", v, err)
	}
	opposite := []Weighted{{[]float32{1, 0}, 1}, {[]float32{-1, 0}, 1}}
	if _, err := MeanVector(opposite, nil); paper.KindOf(err) != paper.Invalid {
		t.Errorf("likes that cancel out: %v, want kind Invalid", err)
	}
}

func unitVector(t *rapid.T, label string) []float32 {
	v := rapid.SliceOfN(rapid.Float32Range(-1, 1), 6, 6).Draw(t, label)
	v[0] += 1.5 // away from zero
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	for i := range v {
		v[i] = float32(float64(v[i]) / math.Sqrt(sum))
	}
	return v
}

func cosine(a, b []float32) (s float64) {
	for i := range a {
		s += float64(a[i]) * float64(b[i])
	}
	return s
}

// A dislike pushes what is near it below what is far from it, and never the
// other way round: of two papers that the likes rank alike, the one nearer to
// the dislike comes out lower.
func TestDislikePushesDown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		like, dislike := unitVector(t, "like"), unitVector(t, "dislike")
		a, b := unitVector(t, "a"), unitVector(t, "b")
		positive, negative := []Weighted{{like, 1}}, []Weighted{{dislike, 1}}
		before, err := MeanVector(positive, nil)
		if err != nil {
			t.Fatal(err)
		}
		after, err := MeanVector(positive, negative)
		if err != nil {
			t.Skip("cancels out")
		}
		if cosine(dislike, a) > cosine(dislike, b)+1e-4 && cosine(before, a) <= cosine(before, b) && cosine(after, a) > cosine(after, b)+1e-5 {
			t.Fatalf("a is nearer to the dislike and rose above b: before %v %v, after %v %v",
				cosine(before, a), cosine(before, b), cosine(after, a), cosine(after, b))
		}
		var norm float64
		for _, x := range after {
			norm += float64(x) * float64(x)
		}
		if math.Abs(norm-1) > 1e-5 {
			t.Fatalf("length² = %v, want 1", norm)
		}
	})
}
