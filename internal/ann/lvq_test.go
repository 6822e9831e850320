package ann_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/ann"
	"akin/internal/ann/anntest"
	"akin/internal/vec"
)

// elsewhere keeps the vectors of an LVQ graph, and reads them for its queries.
type elsewhere struct {
	*ann.Graph
	vectors map[uint32][]float32
	most    int // how many more than K were read at once
	reads   int
}

func newElsewhere(tb testing.TB, dimension int, options ann.Options) *elsewhere {
	tb.Helper()
	options.LVQ = true
	return &elsewhere{Graph: newGraph(tb, dimension, options), vectors: make(map[uint32][]float32)}
}

func (e *elsewhere) Upsert(ordinal uint32, vector []float32) error {
	err := e.Graph.Upsert(ordinal, vector)
	if err == nil {
		e.vectors[ordinal] = slices.Clone(vector)
	}
	return err
}

func (e *elsewhere) Delete(ordinal uint32) (bool, error) {
	delete(e.vectors, ordinal)
	return e.Graph.Delete(ordinal)
}

func (e *elsewhere) Search(ctx context.Context, q ann.Query) (ann.Result, error) {
	q.Read = func(_ context.Context, ordinals []uint32) ([][]float32, error) {
		out := make([][]float32, len(ordinals))
		for i, o := range ordinals {
			out[i] = e.vectors[o]
		}
		e.most, e.reads = max(e.most, len(ordinals)-q.K), e.reads+1
		return out, nil
	}
	return e.Graph.Search(ctx, q)
}

// TestLVQAnswersAsFloats compares, bit for bit, the answers of a graph that reads vectors
// from elsewhere with those of one that keeps them, through changes: walks, scans and
// filters of all kinds. Its scores without reading are within Blur.
func TestLVQAnswersAsFloats(t *testing.T) {
	alone(t)
	for _, dimension := range []int{3, 20, 48} {
		random := rand.New(rand.NewPCG(uint64(dimension), 1))
		const size = 1500
		vectors := anntest.Clustered(uint64(dimension), size, dimension, 12)
		copy(vectors[700:], vectors[:60]) // of which some share a node
		for _, walk := range []bool{true, false} {
			options := ann.Options{M: 6, EfConstruction: 40, AlwaysWalk: walk, Seed: 3}
			floats, lvq := newGraph(t, dimension, options), newElsewhere(t, dimension, options)
			for round := range 4 {
				for range 700 {
					ordinal := random.Uint32N(size)
					if random.IntN(3) == 0 {
						a, errA := floats.Delete(ordinal)
						b, errB := lvq.Delete(ordinal)
						if a != b || errA != nil || errB != nil {
							t.Fatal(a, b, errA, errB)
						}
						continue
					}
					v := vectors[random.IntN(size)]
					if err := errors.Join(floats.Upsert(ordinal, v), lvq.Upsert(ordinal, v)); err != nil {
						t.Fatal(err)
					}
				}
				audit(t, lvq.Graph)
				if round == 2 {
					for _, g := range []*ann.Graph{floats, lvq.Graph} {
						if err := g.Repair(t.Context()); err != nil {
							t.Fatal(err)
						}
					}
				}
				compareLVQ(t, random, floats, lvq, vectors)
			}
		}
	}
}

func compareLVQ(t *testing.T, random *rand.Rand, floats *ann.Graph, lvq *elsewhere, vectors [][]float32) {
	t.Helper()
	blur := lvq.Blur()
	for range 60 {
		q := ann.Query{Vector: vectors[random.IntN(len(vectors))], K: 1 + random.IntN(40), EfSearch: []int{0, 10, 60}[random.IntN(3)], Exact: random.IntN(3) == 0}
		if random.IntN(2) == 0 {
			keep := roaring.New()
			for range []int{0, 3, 200, 2000}[random.IntN(4)] {
				keep.Add(random.Uint32N(uint32(len(vectors))))
			}
			q.Keep = keep
		}
		want, got := anntest.Search(t, floats, q), anntest.Search(t, lvq, q)
		if !slices.Equal(got.Neighbors, want.Neighbors) || got.Plan != want.Plan {
			t.Fatalf("%d of %d by %s, exact %v:\n%v, not\n%v", q.K, lvq.Len(), want.Plan, q.Exact, got.Neighbors, want.Neighbors)
		}
		alone := anntest.Search(t, lvq.Graph, q)
		if len(alone.Neighbors) != len(want.Neighbors) {
			t.Fatalf("%d neighbours without reading, not %d", len(alone.Neighbors), len(want.Neighbors))
		}
		for _, n := range alone.Neighbors {
			if cosine := vec.Dot(q.Vector, lvq.vectors[n.Ordinal]); max(cosine-n.Score, n.Score-cosine) > blur+1e-6 {
				t.Fatalf("ordinal %d scores %v without reading, its cosine is %v; the bound is %v", n.Ordinal, n.Score, cosine, blur)
			}
		}
	}
}

// TestLVQKeepsNoFloats says what an LVQ graph takes, keeps and refuses.
func TestLVQKeepsNoFloats(t *testing.T) {
	const dimension, size = 384, 3000
	vectors := anntest.Clustered(5, size, dimension, 40)
	g := newElsewhere(t, dimension, ann.Options{Capacity: size})
	anntest.Fill(t, g, vectors)
	if bytes := g.Stats().Bytes / size; bytes > 800 || !g.LVQ() {
		t.Errorf("%d bytes a vector", bytes)
	}
	if _, ok := g.Vector(0); ok {
		t.Error("it gave a vector back, which it does not keep")
	}
	dst := []float32{0}
	if err := g.Scores(dst, vectors[0], []uint32{1}); err != nil || dst[0] == dst[0] {
		t.Errorf("it scored %v (%v), of a vector that it does not keep", dst, err)
	}
	if !g.Holds(1, vectors[1]) || g.Holds(1, vectors[2]) || g.Holds(size, vectors[1]) || g.Holds(1, vectors[1][:3]) {
		t.Error("it does not know its vectors again")
	}
	if got := anntest.Search(t, g, ann.Query{Vector: vectors[7], K: 10}); got.Neighbors[0].Ordinal != 7 {
		t.Errorf("a vector finds %v", got.Neighbors)
	}
	if g.reads != 1 || g.most > 10 {
		t.Errorf("%d reads, of %d more than asked for", g.reads, g.most)
	}
	failed := errors.New("the disk is gone")
	_, err := g.Graph.Search(t.Context(), ann.Query{Vector: vectors[7], K: 10, Read: func(context.Context, []uint32) ([][]float32, error) { return nil, failed }})
	if !errors.Is(err, failed) {
		t.Errorf("a read that failed gives %v", err)
	}
	short, err := g.Graph.Search(t.Context(), ann.Query{Vector: vectors[7], K: 10, Read: func(context.Context, []uint32) ([][]float32, error) { return nil, nil }})
	if err != nil || len(short.Neighbors) != 10 {
		t.Errorf("without what was asked for, it found %v (%v)", short, err)
	}
	if _, err := ann.NewGraph(3, ann.Options{LVQ: true, Plain: true}); err == nil {
		t.Error("plain and LVQ were taken together")
	}
}

// TestLVQFile saves and opens LVQ graphs with all that can be in one, and a file of the
// first version that had them.
func TestLVQFile(t *testing.T) {
	const dimension, size = 12, 900
	g := newGraph(t, dimension, ann.Options{M: 4, EfConstruction: 20, LVQ: true, Seed: 9, AlwaysWalk: true})
	vectors := anntest.Clustered(51, size, dimension, 10)
	copy(vectors[400:], vectors[300:350])
	anntest.Fill(t, g, vectors)
	for i := range uint32(250) {
		if _, err := g.Delete(i * 3 % size); err != nil {
			t.Fatal(err)
		}
	}
	path := save(t, g)
	again := open(t, path, ann.OpenOptions{AlwaysWalk: true})
	audit(t, again)
	sameAnswers(t, g, again, 1)
	if err := again.Verify(t.Context()); err != nil || !again.LVQ() {
		t.Errorf("verify: %v", err)
	}
	for i := range uint32(40) { // it goes on
		if err := errors.Join(g.Upsert(i, vectors[i]), again.Upsert(i, vectors[i])); err != nil {
			t.Fatal(err)
		}
	}
	audit(t, again)
	sameAnswers(t, g, again, 2)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(whole); at += 97 { // residuals are checked when it is opened
		damaged := slices.Clone(whole)
		damaged[at] ^= 0x41
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if opened, _, err := ann.OpenGraph(path, ann.OpenOptions{}); err == nil {
			audit(t, opened) // it was filling
			if err := opened.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	fixture := filepath.Join("testdata", "v3", "lvq.graph")
	if os.Getenv("AKIN_WRITE_FIXTURE") != "" {
		if err := errors.Join(os.MkdirAll(filepath.Dir(fixture), 0o755), os.WriteFile(fixture, whole, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	old := open(t, fixture, ann.OpenOptions{AlwaysWalk: true})
	audit(t, old)
	if !old.LVQ() || old.Len() != 650 {
		t.Errorf("the fixture has %d vectors", old.Len())
	}
	for i := uint32(750); i < 760; i++ {
		if old.Holds(i, vectors[i]) != g.Holds(i, vectors[i]) {
			t.Errorf("ordinal %d of the fixture is another", i)
		}
	}
}
