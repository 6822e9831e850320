package ann_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/ann"
	"akin/internal/ann/anntest"
	"akin/internal/vec"
)

func ordinalsTo(n int) []uint32 {
	out := make([]uint32, n)
	for i := range out {
		out[i] = uint32(i)
	}
	return out
}

// TestManyAreTheSameWithAnyWorkers stores new vectors, copies of vectors, new
// vectors for old ordinals and an ordinal twice, with holes from deletes to fill.
func TestManyAreTheSameWithAnyWorkers(t *testing.T) {
	const dimension = 16
	size, with := 4000, []int{2, 5, 0}
	if raceDetector {
		size, with = 1600, []int{5}
	}
	vectors := anntest.Clustered(41, size, dimension, 40)
	copy(vectors[size-1000:], vectors[size-1100:size-1040])
	copy(vectors[size-900:], slices.Repeat(vectors[size-901:size-900], 40))
	ordinals := ordinalsTo(size)
	copy(ordinals[size-500:], []uint32{7, 8, 9, uint32(size - 510), uint32(size - 510), uint32(size - 499)})
	build := func(workers int) *ann.Graph {
		g := newGraph(t, dimension, ann.Options{M: 6, EfConstruction: 30, AlwaysWalk: true})
		for from := 0; from < size; from += size / 2 {
			if err := g.UpsertMany(context.Background(), ordinals[from:from+size/2], vectors[from:from+size/2], workers); err != nil {
				t.Fatal(err)
			}
			for i := range 200 {
				if _, err := g.Delete(uint32(i * 5)); err != nil {
					t.Fatal(err)
				}
			}
		}
		audit(t, g)
		return g
	}
	one := build(1)
	for _, workers := range with {
		if ann.State(build(workers)) != ann.State(one) {
			t.Errorf("%d workers built another graph than one", workers)
		}
	}
	plain := newExact(t, dimension)
	for i, v := range vectors {
		if err := plain.Upsert(ordinals[i], v); err != nil {
			t.Fatal(err)
		}
		if i == size/2-1 || i == size-1 {
			for j := range 200 {
				if _, err := plain.Delete(uint32(j * 5)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if one.Len() != plain.Len() || one.Stats().Shared == 0 {
		t.Errorf("%d vectors, %d of them shared; want %d", one.Len(), one.Stats().Shared, plain.Len())
	}
	queries := anntest.Clustered(42, 100, dimension, 40)
	for _, v := range queries {
		q := ann.Query{Vector: v, K: 20, EfSearch: size}
		got, want := anntest.Search(t, one, q), anntest.Search(t, plain, q)
		if !slices.Equal(got.Neighbors, want.Neighbors) {
			t.Fatalf("%v, want %v", got.Neighbors, want.Neighbors)
		}
	}
}

// TestManyAreAsGoodAsOneByOne compares recall where the beam is small. The vectors
// come sorted by subject, so that those of a batch are each other's nearest.
func TestManyAreAsGoodAsOneByOne(t *testing.T) {
	alone(t)
	const dimension, size = 48, 6000
	n := size
	if testing.Short() {
		n = 1500
	}
	vectors := anntest.Clustered(43, n, dimension, 60)
	subjects := slices.Clone(vectors[:60])
	subject := func(v []float32) (best int) {
		for i, s := range subjects {
			if vec.Dot(v, s) > vec.Dot(v, subjects[best]) {
				best = i
			}
		}
		return best
	}
	slices.SortStableFunc(vectors, func(a, b []float32) int { return subject(a) - subject(b) })
	many, one := newGraph(t, dimension, ann.Options{AlwaysWalk: true}), newGraph(t, dimension, ann.Options{AlwaysWalk: true})
	plain := newExact(t, dimension)
	anntest.Fill(t, one, vectors)
	anntest.Fill(t, plain, vectors)
	if err := many.UpsertMany(context.Background(), ordinalsTo(n), vectors, 2); err != nil {
		t.Fatal(err)
	}
	queries := anntest.Clustered(44, 300, dimension, 60)
	for _, ef := range []int{10, 20, 40} {
		q := ann.Query{K: 10, EfSearch: ef}
		a, b := anntest.Recall(t, many, plain, queries, q), anntest.Recall(t, one, plain, queries, q)
		t.Logf("efSearch %d: recall@10 %.4f (%.0f), one by one %.4f (%.0f)", ef, a.Recall, a.Visited, b.Recall, b.Visited)
		if a.Recall < b.Recall-0.02 {
			t.Errorf("efSearch %d: recall@10 is %.4f, one by one %.4f", ef, a.Recall, b.Recall)
		}
	}
}

func TestManyRefuses(t *testing.T) {
	g := newGraph(t, 3, ann.Options{})
	good := anntest.Random(45, 3, 3)
	bad := append(slices.Clone(good), []float32{0, float32(math.NaN()), 0})
	if err := g.UpsertMany(context.Background(), ordinalsTo(4), bad, 2); !errors.Is(err, ann.ErrNotFinite) {
		t.Errorf("NaN: %v", err)
	}
	if err := g.UpsertMany(context.Background(), ordinalsTo(2), good, 2); !errors.Is(err, ann.ErrOptions) {
		t.Errorf("two ordinals for three vectors: %v", err)
	}
	ended, end := context.WithCancel(context.Background())
	end()
	if err := g.UpsertMany(ended, ordinalsTo(3), good, 2); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
	if g.Len() != 0 {
		t.Errorf("%d vectors after refusals", g.Len())
	}
	if err := g.UpsertMany(context.Background(), nil, nil, 2); err != nil {
		t.Error(err)
	}
}

// TestManyBesideOthers stores batches while others do all else that there is; the
// race detector is the judge, and what was saved opens.
func TestManyBesideOthers(t *testing.T) {
	const dimension, size = 8, 1000
	vectors := anntest.Random(46, size, dimension)
	g := newGraph(t, dimension, ann.Options{M: 4, EfConstruction: 20, AlwaysWalk: true})
	var others sync.WaitGroup
	stop := make(chan struct{})
	path := filepath.Join(t.TempDir(), "graph")
	half := roaring.New()
	half.AddRange(0, size/2)
	for w := range 7 {
		others.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 47))
			for {
				i := r.IntN(size)
				var err error
				switch w {
				case 0:
					_, err = g.Delete(uint32(i))
				case 1:
					err = g.Upsert(uint32(i), vectors[(i+1)%size])
				case 2:
					err = g.Save(path, "test")
				case 3:
					err = g.Repair(context.Background())
				case 4:
					g.Stats()
					g.Vector(uint32(i))
					err = g.Scores(make([]float32, 2), vectors[i], []uint32{uint32(i), uint32(i / 2)})
				case 5:
					_, err = g.Search(context.Background(), ann.Query{Vector: vectors[i], K: 10, Keep: half, Exact: i%2 == 0})
				default:
					_, err = g.Search(context.Background(), ann.Query{Vector: vectors[i], K: 10, EfSearch: 50})
				}
				if err != nil {
					t.Error(err)
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for from := 0; from < size; from += 250 {
		if err := g.UpsertMany(context.Background(), ordinalsTo(size)[from:from+250], vectors[from:from+250], 2); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	others.Wait()
	audit(t, g)
	saved, _, err := ann.OpenGraph(path, ann.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	audit(t, saved)
	if err := saved.Close(); err != nil {
		t.Error(err)
	}
}
