package ann_test

import (
	"errors"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/ann"
	"akin/internal/ann/anntest"
)

const (
	abstracts = 20_000 // in the index
	questions = 500    // held out
	dimension = 384
	fewer     = 2_500 // with -short, as make test runs them
)

// alone leaves a test of one goroutine to the part of make test that runs
// without the race detector.
func alone(t *testing.T) {
	t.Helper()
	if raceDetector {
		t.Skip("one goroutine; make test runs this without the race detector")
	}
}

// realVectors returns real vectors for an index, and others of the same kinds
// of papers as queries.
func realVectors(tb testing.TB) (vectors, queries [][]float32) {
	n := abstracts
	if testing.Short() {
		n = fewer
	}
	for i, v := range anntest.Abstracts(tb, n+questions) {
		if len(queries) < questions && i%((n+questions)/questions) == 0 {
			queries = append(queries, v)
		} else {
			vectors = append(vectors, v)
		}
	}
	return vectors, queries
}

// TestOnAbstracts measures recall@10 on real vectors: the figures of
// docs/adr/0003-index.md.
func TestOnAbstracts(t *testing.T) {
	alone(t)
	vectors, queries := realVectors(t)
	exact, graph := newExact(t, dimension), newGraph(t, dimension, ann.Options{})
	anntest.Fill(t, exact, vectors)
	anntest.Fill(t, graph, vectors)
	audit(t, graph)
	t.Run("recall", func(t *testing.T) { testRecall(t, graph, exact, vectors, queries) })
	t.Run("filters", func(t *testing.T) { testFilters(t, graph, exact, queries[:100]) })
	t.Run("related filters", func(t *testing.T) { testRelatedFilters(t, graph, exact, queries[:20]) })
	t.Run("deletes", func(t *testing.T) { testDeletes(t, graph, exact, vectors, queries) })
}

func testRecall(t *testing.T, graph *ann.Graph, exact *ann.Exact, vectors, queries [][]float32) {
	coder, err := ann.NewCoder(dimension, 1)
	if err != nil {
		t.Fatal(err)
	}
	anntest.Fill(t, coder, vectors)
	ann.SetAlwaysWalk(graph, true)
	defer ann.SetAlwaysWalk(graph, false)
	t.Logf("%d vectors, %d queries, recall@10 (distances per query)", len(vectors), len(queries))
	for _, ef := range []int{0, 16, 32, 64, 128, 256} {
		q := ann.Query{K: 10, EfSearch: ef}
		ours, theirs := anntest.Recall(t, graph, exact, queries, q), anntest.Recall(t, coder, exact, queries, q)
		t.Logf("efSearch %3d: graph %.4f (%.0f), coder/hnsw %.4f", ef, ours.Recall, ours.Visited, theirs.Recall)
		if ef == 0 && ours.Recall < 0.98 {
			t.Errorf("recall@10 of the graph with its defaults is %.4f, want at least 0.98", ours.Recall)
		}
		if ef == 0 && theirs.Recall < 0.9 {
			t.Errorf("recall@10 of coder/hnsw is %.4f, want at least .9", theirs.Recall)
		}
	}
	s := graph.Stats()
	t.Logf("graph: layers %v, %.1f links and %.1f tree links per vector, %d bytes per vector above its %d",
		s.Levels, float64(s.Links)/float64(s.Live), float64(s.TreeLinks)/float64(s.Live),
		int(s.Bytes)/s.Live-4*dimension, 4*dimension)
}

// testFilters keeps a share of the papers at random, and compares what the
// graph chooses to do with walking at any price.
func testFilters(t *testing.T, graph *ann.Graph, exact *ann.Exact, queries [][]float32) {
	for _, oneIn := range []int{2, 4, 10, 100, 1000} {
		keep := roaring.New()
		for i := range graph.Len() {
			if i%oneIn == 0 {
				keep.Add(uint32(i))
			}
		}
		q := ann.Query{K: 10, Keep: keep}
		m := anntest.Recall(t, graph, exact, queries, q)
		ann.SetAlwaysWalk(graph, true)
		w := anntest.Recall(t, graph, exact, queries, q)
		ann.SetAlwaysWalk(graph, false)
		t.Logf("1 in %4d kept: recall@10 %.4f, %.0f distances, %v; walking always %.4f, %.0f",
			oneIn, m.Recall, m.Visited, m.Plans, w.Recall, w.Visited)
		if min(m.Recall, w.Recall) < 0.98 {
			t.Errorf("1 in %d kept: recall@10 is %.4f, walking %.4f, want at least 0.98", oneIn, m.Recall, w.Recall)
		}
		if m.Visited > 2.1*float64(keep.GetCardinality()) {
			t.Errorf("1 in %d kept: %.0f distances for %d papers", oneIn, m.Visited, keep.GetCardinality())
		}
	}
}

// testRelatedFilters keeps papers by where they are from the query: filters that
// walks are known to fail under.
func testRelatedFilters(t *testing.T, graph *ann.Graph, exact *ann.Exact, queries [][]float32) {
	for _, kind := range []string{"near", "far", "nearest left out", "other topic"} {
		for _, share := range []float64{0.5, 0.1, 0.01, 0.001} {
			recall, visited, kept, plans := 0.0, 0.0, 0.0, map[ann.Plan]int{}
			for i, v := range queries {
				keep := filterOf(t, graph, kind, share, v, uint64(i))
				m := anntest.Recall(t, graph, exact, [][]float32{v}, ann.Query{K: 10, Keep: keep})
				recall += m.Recall / float64(len(queries))
				visited += m.Visited
				kept += float64(keep.GetCardinality())
				for plan := range m.Plans {
					plans[plan]++
				}
			}
			cost := visited / kept
			t.Logf("%s, %g kept: recall@10 %.4f, %.3f of the scan's distances, %v", kind, share, recall, cost, plans)
			if recall < 0.98 || cost > 1.1 || share <= 0.1 && cost > 1 {
				t.Errorf("%s, %g kept: recall@10 is %.4f, want at least 0.98, for %.3f of the scan's distances", kind, share, recall, cost)
			}
		}
	}
}

// testDeletes removes three quarters and compares with a graph that never had
// them; it changes both indexes.
func testDeletes(t *testing.T, graph *ann.Graph, exact *ann.Exact, vectors, queries [][]float32) {
	fresh := newGraph(t, dimension, ann.Options{})
	for i, v := range vectors {
		var err error
		if i%4 == 0 {
			err = fresh.Upsert(uint32(i), v)
		} else {
			_, err1 := graph.Delete(uint32(i))
			_, err2 := exact.Delete(uint32(i))
			err = errors.Join(err1, err2)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	audit(t, graph)
	for _, g := range []*ann.Graph{graph, fresh} {
		ann.SetAlwaysWalk(g, true)
	}
	for _, ef := range []int{16, 0} {
		q := ann.Query{K: 10, EfSearch: ef}
		after, never := anntest.Recall(t, graph, exact, queries, q), anntest.Recall(t, fresh, exact, queries, q)
		t.Logf("three quarters deleted, efSearch %3d: recall@10 %.4f (%.0f), had they never been there %.4f (%.0f)",
			ef, after.Recall, after.Visited, never.Recall, never.Visited)
		if after.Recall < never.Recall-0.05 || ef == 0 && after.Recall < 0.98 {
			t.Errorf("efSearch %d: recall@10 is %.4f after deletes, and %.4f without them", ef, after.Recall, never.Recall)
		}
	}
	t.Logf("%+v", graph.Stats())
}

// farFrom returns all but the nearest n ordinals.
func farFrom(t *testing.T, exact *ann.Exact, v []float32, n int) *roaring.Bitmap {
	keep := roaring.New()
	keep.AddRange(0, uint64(exact.Len()))
	for _, near := range anntest.Search(t, exact, ann.Query{Vector: v, K: n}).Neighbors {
		keep.Remove(near.Ordinal)
	}
	return keep
}

// TestChurnOnAbstracts replaces every vector twice, the second time with its own, and
// compares with a graph that never had others.
func TestChurnOnAbstracts(t *testing.T) {
	alone(t)
	vectors, queries := realVectors(t)
	n := len(vectors)
	churned, fresh := newGraph(t, dimension, ann.Options{AlwaysWalk: true}), newGraph(t, dimension, ann.Options{AlwaysWalk: true})
	exact := newExact(t, dimension)
	for i := range vectors { // in another order, as others' vectors
		if err := churned.Upsert(uint32(i), vectors[(i*7+n/2)%n]); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 2 {
		for i := range vectors {
			v := vectors[i]
			if round == 0 {
				v = vectors[(i+n/3)%n]
			}
			if _, err := churned.Delete(uint32(i)); err != nil {
				t.Fatal(err)
			}
			if err := churned.Upsert(uint32(i), v); err != nil {
				t.Fatal(err)
			}
		}
		audit(t, churned)
	}
	anntest.Fill(t, fresh, vectors)
	anntest.Fill(t, exact, vectors)
	for _, ef := range []int{16, 32, 64, 0} {
		q := ann.Query{K: 10, EfSearch: ef}
		a, b := anntest.Recall(t, churned, exact, queries, q), anntest.Recall(t, fresh, exact, queries, q)
		t.Logf("every vector replaced twice, efSearch %3d: recall@10 %.4f (%.0f), never changed %.4f (%.0f)",
			ef, a.Recall, a.Visited, b.Recall, b.Visited)
		if ef == 0 && a.Recall < b.Recall-0.005 {
			t.Errorf("efSearch %d: recall@10 is %.4f after churn, and %.4f without", ef, a.Recall, b.Recall)
		}
	}
}
