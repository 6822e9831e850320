package ann_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/ann"
)

// A graph keeps vectors of unit length under ordinals, and finds the nearest of them;
// a filter's bitmap says which of them may be found.
func Example() {
	graph, err := ann.NewGraph(2, ann.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for ordinal, vector := range [][]float32{{1, 0}, {0.8, 0.6}, {0, 1}, {-1, 0}} {
		if err := graph.Upsert(uint32(ordinal), vector); err != nil {
			fmt.Println(err)
			return
		}
	}
	query := ann.Query{Vector: []float32{1, 0}, K: 2}
	all, _ := graph.Search(context.Background(), query)
	query.Keep = roaring.BitmapOf(1, 2, 3)
	some, _ := graph.Search(context.Background(), query)
	for _, result := range []ann.Result{all, some} {
		fmt.Printf("%s:", result.Plan)
		for _, n := range result.Neighbors {
			fmt.Printf("  %d %.1f", n.Ordinal, n.Score)
		}
		fmt.Println()
	}
	// Output:
	// scan:  0 1.0  1 0.8
	// scan:  1 0.8  2 0.0
}

// A graph is saved with a stamp that says what it was made from, and opened with its
// vectors mapped.
func ExampleGraph_Save() {
	dir, err := os.MkdirTemp("", "akin-ann-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	graph, err := ann.NewGraph(2, ann.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	path := filepath.Join(dir, "papers.graph")
	if err := graph.Upsert(7, []float32{0.6, 0.8}); err != nil {
		fmt.Println(err)
		return
	}
	if err := graph.Save(path, "sequence 1"); err != nil {
		fmt.Println(err)
		return
	}
	opened, stamp, err := ann.OpenGraph(path, ann.OpenOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer opened.Close()
	vector, found := opened.Vector(7)
	fmt.Println(stamp, opened.Len(), vector, found)
	// Output: sequence 1 1 [0.6 0.8] true
}
