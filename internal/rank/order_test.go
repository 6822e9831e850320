package rank

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestOrdersAreThoseOfComparing compares both orders with those of comparing whole hits:
// of ids that share their beginnings, are empty, or contain zeros, and of scores that are
// equal, negative, infinite, of both zeros, or not numbers.
func TestOrdersAreThoseOfComparing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	scores := []float64{0, math.Copysign(0, -1), 1, -1, .5, math.Inf(1), math.Inf(-1), math.NaN(), math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64, math.MaxFloat64}
	begins := []string{"", "\x00", "arXiv:", "title:0123456789abcdef", "\xff\xff", "ä"}
	for range 200 {
		hits := make([]Hit, random.IntN(80))
		for i := range hits {
			hits[i] = Hit{ID: begins[random.IntN(len(begins))] + fmt.Sprint(i), Handle: uint32(i), Score: random.NormFloat64()}
			if random.IntN(2) == 0 {
				hits[i].Score = scores[random.IntN(len(scores))]
			}
		}
		hits = append(hits, Hit{ID: "\x00\x00"}, Hit{ID: "\x00"}, Hit{})
		byScore, byID := slices.Clone(hits), slices.Clone(hits)
		slices.SortFunc(byScore, func(a, b Hit) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID)) })
		slices.SortStableFunc(byID, func(a, b Hit) int { return cmp.Compare(a.ID, b.ID) })
		for range 2 { // the second time they are in order
			Sort(hits)
			for i := range hits {
				if hits[i].ID != byScore[i].ID {
					t.Fatalf("by score, %q (%v) is at %d, not %q (%v)", hits[i].ID, hits[i].Score, i, byScore[i].ID, byScore[i].Score)
				}
			}
		}
		for range 2 {
			SortByID(hits)
			for i := range hits {
				if hits[i].ID != byID[i].ID {
					t.Fatalf("by id, %q is at %d, not %q", hits[i].ID, i, byID[i].ID)
				}
			}
		}
	}
}

func BenchmarkSort(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	hits := make([]Hit, 1900)
	for i := range hits {
		hits[i] = Hit{ID: fmt.Sprintf("venue20%02d:%08x", random.IntN(30), random.Uint32()), Score: random.Float64()}
	}
	for _, by := range []struct {
		name string
		sort func([]Hit)
	}{
		{"id", SortByID},
		{"score", Sort},
		{"id, comparing whole hits", func(h []Hit) {
			slices.SortFunc(h, func(a, b Hit) int { return cmp.Compare(a.ID, b.ID) })
		}},
		{"score, comparing whole hits", func(h []Hit) {
			slices.SortFunc(h, func(a, b Hit) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID)) })
		}},
	} {
		b.Run(by.name, func(b *testing.B) {
			list := make([]Hit, len(hits))
			for b.Loop() {
				copy(list, hits)
				by.sort(list)
			}
		})
	}
}
