package ann_test

import (
	"context"
	"testing"

	"akin/internal/ann"
	"akin/internal/ann/anntest"
)

// BenchmarkSearch answers one query for 10 neighbours among 20,000 abstracts,
// on one thread. Its figures are for comparison within one run.
func BenchmarkSearch(b *testing.B) {
	vectors, queries := realVectors(b)
	exact, graph := newExact(b, dimension), newGraph(b, dimension, ann.Options{Capacity: len(vectors)})
	coder, err := ann.NewCoder(dimension, 1)
	if err != nil {
		b.Fatal(err)
	}
	for _, index := range []ann.Index{exact, graph, coder} {
		anntest.Fill(b, index, vectors)
	}
	for _, c := range []struct {
		name  string
		index ann.Index
		ef    int
	}{
		{"exact", exact, 0},
		{"graph/ef=16", graph, 16},
		{"graph/ef=32", graph, 32},
		{"graph/ef=64", graph, 64},
		{"graph/ef=128", graph, 128},
		{"graph/ef=256", graph, 256},
		{"coder/ef=128", coder, 128},
	} {
		recall := anntest.Recall(b, c.index, exact, queries, ann.Query{K: 10, EfSearch: c.ef})
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				q := ann.Query{Vector: queries[i%len(queries)], K: 10, EfSearch: c.ef}
				if _, err := c.index.Search(context.Background(), q); err != nil {
					b.Fatal(err)
				}
				i++
			}
			b.ReportMetric(recall.Recall, "recall@10")
			b.ReportMetric(recall.Visited, "distances/op")
		})
	}
}

// BenchmarkUpsert adds vectors to an index that grows from nothing to 10,000
// abstracts and begins again.
func BenchmarkUpsert(b *testing.B) {
	vectors, _ := realVectors(b)
	vectors = vectors[:min(len(vectors), 10_000)]
	for _, c := range []struct {
		name   string
		create func() (ann.Index, error)
	}{
		{"exact", func() (ann.Index, error) { return ann.NewExact(dimension) }},
		{"graph", func() (ann.Index, error) { return ann.NewGraph(dimension, ann.Options{}) }},
		{"coder", func() (ann.Index, error) { return ann.NewCoder(dimension, 1) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var index ann.Index
			i := 0
			for b.Loop() {
				if i%len(vectors) == 0 {
					var err error
					if index, err = c.create(); err != nil {
						b.Fatal(err)
					}
				}
				if err := index.Upsert(uint32(i%len(vectors)), vectors[i%len(vectors)]); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}
