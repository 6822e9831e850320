package ann_test

import (
	"math/rand"
	"slices"
	"testing"

	"github.com/coder/hnsw"
	"github.com/coder/hnsw/heap"

	"akin/internal/ann/anntest"
	"akin/internal/vec"
)

// These tests assert what github.com/coder/hnsw v0.6.1 does wrong and what
// ann.Coder therefore refuses or mends. One that fails after an upgrade is good
// news: lift the restriction, and measure for docs/adr/0003-index.md again.

type number int

func (n number) Less(other number) bool { return n < other }

func TestUpstreamHeapMaximumIsNotTheGreatest(t *testing.T) {
	var h heap.Heap[number]
	h.Init([]number{1, 9, 2})
	if got := h.Max(); got == 9 {
		t.Error("the greatest of 1, 9 and 2 is now 9: searches should find more")
	}
}

func upstream(vectors [][]float32) *hnsw.Graph[uint32] {
	g := hnsw.NewGraph[uint32]()
	g.Rng = rand.New(rand.NewSource(1))
	for i, v := range vectors {
		g.Add(hnsw.MakeNode(uint32(i), v))
	}
	return g
}

func panics(call func()) (did bool) {
	defer func() { did = recover() != nil }()
	call()
	return false
}

func TestUpstreamResultsAreNotSorted(t *testing.T) {
	vectors := anntest.Random(12, 500, 16)
	g := upstream(vectors)
	for _, v := range vectors {
		var scores []float32
		for _, node := range g.Search(v, 10) {
			scores = append(scores, -vec.Dot(v, node.Value))
		}
		if !slices.IsSorted(scores) {
			return
		}
	}
	t.Error("500 results of coder/hnsw were all sorted")
}

func TestUpstreamUpsertOfAnExistingKeyPanics(t *testing.T) {
	vectors := anntest.Random(13, 30, 8)
	for n := range vectors {
		g := upstream(vectors[:n+1])
		if !panics(func() { g.Add(hnsw.MakeNode(uint32(0), vectors[0])) }) {
			t.Fatalf("coder/hnsw now replaces a key in a graph of %d", n+1)
		}
	}
}

func TestUpstreamDeletesBreakSearches(t *testing.T) {
	const size = 2000
	vectors := anntest.Random(14, size, 16)
	g := upstream(vectors)
	for i := range size / 5 {
		g.Delete(uint32(i))
	}
	for _, v := range vectors {
		var found []hnsw.Node[uint32]
		if panics(func() { found = g.Search(v, 10) }) {
			return
		}
		for _, node := range found {
			if node.Key < size/5 {
				return // a deleted key came back
			}
		}
	}
	t.Errorf("%d searches after deletes neither panicked nor found a deleted key", size)
}
