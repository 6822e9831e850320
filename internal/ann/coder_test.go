package ann_test

import (
	"context"
	"errors"
	"math/rand"
	"slices"
	"testing"

	"github.com/coder/hnsw"

	"akin/internal/ann"
	"akin/internal/ann/anntest"
)

// TestUpstreamDeletesBreakSearches asserts why ann.Coder never calls the
// library's Delete. If it fails after an upgrade, that is good news: tombstones
// may go, and docs/adr/0003-index.md wants measuring again.
func TestUpstreamDeletesBreakSearches(t *testing.T) {
	alone(t)
	const size = 2000
	vectors := anntest.Random(14, size, 16)
	g := hnsw.NewGraph[uint32]()
	g.Rng = rand.New(rand.NewSource(1))
	for i, v := range vectors {
		g.Add(hnsw.MakeNode(uint32(i), v))
	}
	for i := range size / 5 {
		g.Delete(uint32(i))
	}
	for _, v := range vectors {
		if searchBreaks(g, v, size/5) {
			return
		}
	}
	t.Errorf("%d searches after deletes neither panicked nor found a deleted key", size)
}

// searchBreaks says whether a search panics, or finds a key below deleted.
func searchBreaks(g *hnsw.Graph[uint32], v []float32, deleted uint32) (broken bool) {
	defer func() { broken = recover() != nil || broken }()
	return slices.ContainsFunc(g.Search(v, 10), func(n hnsw.Node[uint32]) bool { return n.Key < deleted })
}

// TestCoderOutlivesItsTombstones replaces and deletes far more vectors than live,
// so that the graph is built anew several times, and compares with the truth.
func TestCoderOutlivesItsTombstones(t *testing.T) {
	if raceDetector {
		t.Skip("the library is slow; make test runs this without the race detector")
	}
	const live, changes = 150, 4_000
	vectors := anntest.Random(15, live+changes, 16)
	coder, err := ann.NewCoder(16, 1)
	if err != nil {
		t.Fatal(err)
	}
	exact, err := ann.NewPlain(16)
	if err != nil {
		t.Fatal(err)
	}
	anntest.Fill(t, coder, vectors[:live])
	anntest.Fill(t, exact, vectors[:live])
	r := rand.New(rand.NewSource(2))
	for i, v := range vectors[live:] {
		ordinal := uint32(r.Intn(live))
		for _, index := range []ann.Index{coder, exact} {
			if i%5 == 0 {
				_, err = index.Delete(ordinal)
			} else {
				err = index.Upsert(ordinal, v)
			}
			if err != nil {
				t.Fatal(err, errors.Unwrap(err))
			}
		}
	}
	if coder.Len() != exact.Len() {
		t.Fatalf("%d vectors are left, want %d", coder.Len(), exact.Len())
	}
	m := anntest.Recall(t, coder, exact, anntest.Random(16, 50, 16), ann.Query{K: 10})
	if m.Recall < 0.9 {
		t.Errorf("recall@10 is %.3f after %d changes, want at least .9", m.Recall, changes)
	}
}

func TestCoderStopsBetweenTries(t *testing.T) {
	coder, err := ann.NewCoder(16, 1)
	if err != nil {
		t.Fatal(err)
	}
	vectors := anntest.Random(17, 50, 16)
	anntest.Fill(t, coder, vectors)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := coder.Search(ctx, ann.Query{Vector: vectors[0], K: 5}); !errors.Is(err, context.Canceled) {
		t.Errorf("a search of a caller who left: %v, want %v", err, context.Canceled)
	}
}
