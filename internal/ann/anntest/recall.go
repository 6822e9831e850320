package anntest

import (
	"context"
	"testing"

	"akin/internal/ann"
)

// Fill upserts the vectors under the ordinals 0, 1, 2 ...
func Fill(tb testing.TB, index ann.Index, vectors [][]float32) {
	tb.Helper()
	for i, v := range vectors {
		if err := index.Upsert(uint32(i), v); err != nil {
			tb.Fatalf("upsert %d: %v", i, err)
		}
	}
}

// Search returns the result of a search that must not fail.
func Search(tb testing.TB, index ann.Searcher, q ann.Query) ann.Result {
	tb.Helper()
	r, err := index.Search(context.Background(), q)
	if err != nil {
		tb.Fatalf("search: %v", err)
	}
	return r
}

// Measure is what [Recall] found.
type Measure struct {
	// Recall is the share of the true neighbours that were found, 0 to 1.
	Recall float64
	// Visited is the mean number of distances per query.
	Visited float64
	// Plans counts how the queries were answered.
	Plans map[ann.Plan]int
}

// Recall asks both indexes for the same neighbours: like is the query but for
// its vector. A neighbour counts as found when its score is at least that of
// the last true one, less rounding, so that ties are nobody's fault.
func Recall(tb testing.TB, index, truth ann.Searcher, vectors [][]float32, like ann.Query) Measure {
	tb.Helper()
	const rounding = 1e-6
	m := Measure{Plans: map[ann.Plan]int{}}
	wanted, found := 0, 0
	for _, v := range vectors {
		like.Vector = v
		want := Search(tb, truth, like).Neighbors
		got := Search(tb, index, like)
		m.Visited += float64(got.Visited) / float64(len(vectors))
		m.Plans[got.Plan]++
		wanted += len(want)
		for i, n := range got.Neighbors {
			if i < len(want) && n.Score >= want[len(want)-1].Score-rounding {
				found++
			}
		}
	}
	if wanted == 0 {
		m.Recall = 1
		return m
	}
	m.Recall = float64(found) / float64(wanted)
	return m
}
