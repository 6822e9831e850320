package anntest

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/ann"
	"akin/internal/paper"
	"akin/internal/vec"
)

// Subject is an implementation and what it is known not to do.
type Subject struct {
	// New returns an empty index.
	New func(dimension int) (ann.Index, error)
	// LeastRecall is the recall@10 that it has on 600 random vectors of 24
	// dimensions with its defaults. 1 means that every answer is exact.
	LeastRecall float64
	// NotRepeatable: the same calls may give other answers.
	NotRepeatable bool
}

const dimension = 24

// Run tests a subject against the contract of ann.Index.
func Run(t *testing.T, s Subject) {
	for _, part := range []struct {
		name string
		test func(*testing.T, Subject)
	}{
		{"empty", testEmpty},
		{"dimension", testDimension},
		{"refuses vectors", testRefusesVectors},
		{"refuses queries", testRefusesQueries},
		{"one vector", testOne},
		{"copies", testCopies},
		{"boundless queries", testBoundless},
		{"order", testOrder},
		{"recall", testRecall},
		{"replace", testReplace},
		{"delete", testDelete},
		{"filter", testFilter},
		{"exact", testExact},
		{"scores", testScores},
		{"repeatable", testRepeatable},
		{"cancelled", testCancelled},
		{"concurrent", testConcurrent},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, s) })
	}
}

// RunConcurrent runs the part of the contract in which several goroutines work, which
// alone has something to show under the race detector.
func RunConcurrent(t *testing.T, s Subject) {
	t.Run("concurrent", func(t *testing.T) { testConcurrent(t, s) })
}

func (s Subject) empty(t *testing.T) ann.Index {
	t.Helper()
	index, err := s.New(dimension)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func (s Subject) filled(t *testing.T, vectors [][]float32) ann.Index {
	t.Helper()
	index := s.empty(t)
	Fill(t, index, vectors)
	return index
}

func truth(t *testing.T, vectors [][]float32) ann.Index {
	t.Helper()
	index, err := ann.NewPlain(dimension)
	if err != nil {
		t.Fatal(err)
	}
	Fill(t, index, vectors)
	return index
}

func testEmpty(t *testing.T, s Subject) {
	index := s.empty(t)
	r := Search(t, index, ann.Query{Vector: Random(1, 1, dimension)[0], K: 10})
	if len(r.Neighbors) != 0 || r.Visited != 0 {
		t.Errorf("an empty index answered %+v", r)
	}
	if index.Len() != 0 {
		t.Errorf("an empty index holds %d", index.Len())
	}
	existed, err := index.Delete(3)
	if existed || err != nil {
		t.Errorf("delete from an empty index: %v, %v", existed, err)
	}
}

func testDimension(t *testing.T, s Subject) {
	for _, d := range []int{0, -1, math.MinInt, math.MaxInt} {
		if _, err := s.New(d); !errors.Is(err, ann.ErrOptions) {
			t.Errorf("dimension %d: %v, want %v", d, err, ann.ErrOptions)
		}
	}
}

// badVectors are vectors that no index takes.
func badVectors() map[string]struct {
	vector []float32
	want   error
} {
	with := func(x float64) []float32 {
		v := make([]float32, dimension)
		v[0], v[dimension-1] = 1, float32(x)
		return v
	}
	return map[string]struct {
		vector []float32
		want   error
	}{
		"nil":      {nil, ann.ErrDimension},
		"short":    {make([]float32, dimension-1), ann.ErrDimension},
		"long":     {make([]float32, dimension+1), ann.ErrDimension},
		"zero":     {make([]float32, dimension), ann.ErrZeroVector},
		"nan":      {with(math.NaN()), ann.ErrNotFinite},
		"infinite": {with(math.Inf(-1)), ann.ErrNotFinite},
		"huge":     {with(math.MaxFloat32), ann.ErrNotUnit},
		"not unit": {with(0.1), ann.ErrNotUnit},
	}
}

func testRefusesVectors(t *testing.T, s Subject) {
	index := s.empty(t)
	for _, size := range []int{0, 3} {
		for name, bad := range badVectors() {
			if err := index.Upsert(7, bad.vector); !errors.Is(err, bad.want) || paper.KindOf(err) != paper.Invalid {
				t.Errorf("upsert, %s: %v, want %v", name, err, bad.want)
			}
			_, err := index.Search(context.Background(), ann.Query{Vector: bad.vector, K: 1})
			if !errors.Is(err, bad.want) || paper.KindOf(err) != paper.Invalid {
				t.Errorf("search, %s: %v, want %v", name, err, bad.want)
			}
		}
		if index.Len() != size {
			t.Fatalf("%d vectors after refusals, want %d", index.Len(), size)
		}
		if size == 0 {
			Fill(t, index, Random(2, 3, dimension))
		}
	}
}

func testRefusesQueries(t *testing.T, s Subject) {
	vectors := Random(3, 20, dimension)
	index := s.filled(t, vectors)
	for _, c := range []struct {
		k, ef int
		want  error
	}{{0, 0, ann.ErrK}, {-1, 0, ann.ErrK}, {math.MinInt, 0, ann.ErrK}, {1, -1, ann.ErrEfSearch}, {1, math.MinInt, ann.ErrEfSearch}} {
		for _, q := range []ann.Query{{}, {Exact: true}, {Keep: roaring.New()}, {Keep: asked{roaring.BitmapOf(1)}}, {Room: make([]ann.Neighbor, 1)}} {
			q.Vector, q.K, q.EfSearch = vectors[0], c.k, c.ef
			if _, err := index.Search(context.Background(), q); !errors.Is(err, c.want) || paper.KindOf(err) != paper.Invalid {
				t.Errorf("k %d, efSearch %d: %v, want %v", c.k, c.ef, err, c.want)
			}
		}
	}
}

func testOne(t *testing.T, s Subject) {
	for _, ordinal := range []uint32{0, 5, math.MaxUint32} {
		index, v := s.empty(t), Random(4, 1, dimension)[0]
		if err := index.Upsert(ordinal, v); err != nil {
			t.Fatal(err)
		}
		r := Search(t, index, ann.Query{Vector: v, K: 3})
		if len(r.Neighbors) != 1 || r.Neighbors[0].Ordinal != ordinal || math.Abs(float64(r.Neighbors[0].Score)-1) > 1e-6 {
			t.Errorf("ordinal %d: %+v", ordinal, r)
		}
	}
}

func testCopies(t *testing.T, s Subject) {
	vectors := Random(5, 2, dimension)
	index, mine := s.empty(t), slices.Clone(vectors[0])
	if err := index.Upsert(1, mine); err != nil {
		t.Fatal(err)
	}
	copy(mine, vectors[1])
	if r := Search(t, index, ann.Query{Vector: vectors[0], K: 1}); r.Neighbors[0].Score < 0.999 {
		t.Errorf("the caller's later change of its vector reached the index: %+v", r)
	}
}

func testBoundless(t *testing.T, s Subject) {
	vectors := Random(6, 50, dimension)
	index := s.filled(t, vectors)
	all := roaring.New()
	all.AddRange(0, math.MaxUint32+1)
	for _, q := range []ann.Query{
		{K: math.MaxInt},
		{K: math.MaxInt, EfSearch: math.MaxInt},
		{K: 1, EfSearch: math.MaxInt},
		{K: 51, EfSearch: 1},
		{K: math.MaxInt, Room: make([]ann.Neighbor, 3)},
		{K: math.MaxInt, EfSearch: math.MaxInt, Keep: all},
		{K: math.MaxInt, EfSearch: math.MaxInt, Keep: asked{all}},
		{K: math.MaxInt, EfSearch: math.MaxInt, Exact: true},
	} {
		q.Vector = vectors[0]
		r := Search(t, index, q)
		if len(r.Neighbors) == 0 || len(r.Neighbors) > min(q.K, 50) {
			t.Errorf("k %d of 50 vectors: %d neighbours", q.K, len(r.Neighbors))
		}
		if s.LeastRecall == 1 && len(r.Neighbors) != min(q.K, 50) {
			t.Errorf("k %d: %d neighbours of 50 vectors", q.K, len(r.Neighbors))
		}
		checkOrder(t, vectors, q.Vector, r.Neighbors)
	}
}

// checkOrder makes sure that results are sorted, that no ordinal is there
// twice and that scores are the cosines of the ordinals' vectors.
func checkOrder(t *testing.T, vectors [][]float32, query []float32, found []ann.Neighbor) {
	t.Helper()
	seen := map[uint32]bool{}
	for i, n := range found {
		if seen[n.Ordinal] {
			t.Fatalf("ordinal %d is there twice", n.Ordinal)
		}
		seen[n.Ordinal] = true
		if i > 0 && (found[i-1].Score < n.Score || found[i-1].Score == n.Score && found[i-1].Ordinal > n.Ordinal) {
			t.Fatalf("%+v comes before %+v", found[i-1], n)
		}
		cosine := min(max(vec.Dot(query, vectors[n.Ordinal]), -1), 1)
		if n.Score != cosine {
			t.Fatalf("ordinal %d has score %v, want %v", n.Ordinal, n.Score, cosine)
		}
	}
}

// testOrder looks at ties above all: many equal scores, and copies.
func testOrder(t *testing.T, s Subject) {
	var vectors [][]float32
	for i := range 3 * dimension {
		v := make([]float32, dimension)
		v[i%dimension] = 1
		vectors = append(vectors, v)
	}
	index := s.filled(t, vectors)
	r := Search(t, index, ann.Query{Vector: vectors[2], K: 30})
	checkOrder(t, vectors, vectors[2], r.Neighbors)
	if s.LeastRecall < 1 {
		return
	}
	want := []uint32{2, 2 + dimension, 2 + 2*dimension, 0, 1, 3}
	for i, ordinal := range want {
		if r.Neighbors[i].Ordinal != ordinal {
			t.Fatalf("neighbours begin with %+v, want ordinals %v", r.Neighbors[:len(want)], want)
		}
	}
}

func testRecall(t *testing.T, s Subject) {
	vectors, queries := Random(7, 600, dimension), Random(8, 50, dimension)
	index := s.filled(t, vectors)
	m := Recall(t, index, truth(t, vectors), queries, ann.Query{K: 10})
	if m.Recall < s.LeastRecall {
		t.Errorf("recall@10 is %.3f, want at least %.3f", m.Recall, s.LeastRecall)
	}
	for _, q := range queries {
		checkOrder(t, vectors, q, Search(t, index, ann.Query{Vector: q, K: 10}).Neighbors)
	}
}

func testReplace(t *testing.T, s Subject) {
	vectors := Random(9, 200, dimension)
	index := s.filled(t, vectors[:100])
	for i, v := range vectors[100:] {
		err := index.Upsert(uint32(i), v)
		if err != nil {
			t.Fatal(err)
		}
	}
	if index.Len() != 100 {
		t.Errorf("%d vectors after 100 were replaced", index.Len())
	}
	for i, v := range vectors[100:] {
		r := Search(t, index, ann.Query{Vector: v, K: 100})
		checkOrder(t, vectors[100:], v, r.Neighbors)
		if r.Neighbors[0].Ordinal != uint32(i) {
			t.Errorf("the new vector of ordinal %d is not found: %+v", i, r.Neighbors[0])
		}
	}
}

func testDelete(t *testing.T, s Subject) {
	vectors := Random(10, 300, dimension)
	index := s.filled(t, vectors)
	order := rand.New(rand.NewPCG(1, 1)).Perm(len(vectors))
	for i, n := range order {
		for _, want := range []bool{true, false} {
			if existed, err := index.Delete(uint32(n)); existed != want || err != nil {
				t.Fatalf("delete of %d: %v, %v, want %v", n, existed, err, want)
			}
		}
		left := len(vectors) - i - 1
		if index.Len() != left {
			t.Fatalf("%d vectors left, want %d", index.Len(), left)
		}
		r := Search(t, index, ann.Query{Vector: vectors[n], K: len(vectors)})
		if len(r.Neighbors) != left {
			t.Fatalf("%d neighbours of %d vectors", len(r.Neighbors), left)
		}
		for _, neighbor := range r.Neighbors {
			if slices.Contains(order[:i+1], int(neighbor.Ordinal)) {
				t.Fatalf("ordinal %d was deleted and is found", neighbor.Ordinal)
			}
		}
	}
	Fill(t, index, vectors)
	if r := Search(t, index, ann.Query{Vector: vectors[4], K: 1}); r.Neighbors[0].Ordinal != 4 {
		t.Errorf("after all were deleted and stored again, ordinal 4 is not found: %+v", r)
	}
}

// asked hides everything of a bitmap but Contains.
type asked struct{ bitmap *roaring.Bitmap }

func (a asked) Contains(ordinal uint32) bool { return a.bitmap.Contains(ordinal) }

func testFilter(t *testing.T, s Subject) {
	vectors, queries := Random(11, 600, dimension), Random(12, 10, dimension)
	index := s.filled(t, vectors)
	r := rand.New(rand.NewPCG(2, 2))
	for _, kept := range []int{0, 1, 5, 60, 300, 599, 600} {
		bitmap := roaring.BitmapOf(600, 70_000, math.MaxUint32) // not in the index
		for _, n := range r.Perm(600)[:kept] {
			bitmap.Add(uint32(n))
		}
		for name, keep := range map[string]ann.Set{"counted": bitmap, "asked": asked{bitmap}} {
			m := Recall(t, index, truth(t, vectors), queries, ann.Query{K: 10, Keep: keep})
			if m.Recall < s.LeastRecall {
				t.Errorf("%s filter that keeps %d: recall@10 is %.3f, want at least %.3f", name, kept, m.Recall, s.LeastRecall)
			}
			for _, q := range queries {
				found := Search(t, index, ann.Query{Vector: q, K: 10, Keep: keep}).Neighbors
				checkOrder(t, vectors, q, found)
				for _, n := range found {
					if !bitmap.Contains(n.Ordinal) {
						t.Fatalf("%s filter: ordinal %d is found and not kept", name, n.Ordinal)
					}
				}
			}
		}
	}
}

// testExact asks for a scan, which must miss nothing.
func testExact(t *testing.T, s Subject) {
	vectors, queries := Random(17, 600, dimension), Random(18, 10, dimension)
	index := s.filled(t, vectors)
	plain := truth(t, vectors)
	for _, v := range queries {
		q := ann.Query{Vector: v, K: 10, EfSearch: 1, Exact: true}
		got, want := Search(t, index, q), Search(t, plain, q)
		if !slices.Equal(got.Neighbors, want.Neighbors) || got.Plan != ann.PlanScan {
			t.Errorf("exact search: %+v, want %+v", got, want)
		}
	}
}

// testScores compares given ordinals, where the subject is an ann.Scorer.
func testScores(t *testing.T, s Subject) {
	vectors := Random(19, 20, dimension)
	index := s.filled(t, vectors)
	scorer, ok := index.(ann.Scorer)
	if !ok {
		t.Skip("compares no given ordinals")
	}
	ordinals := []uint32{3, 0, 19, 20, math.MaxUint32, 3}
	scores := make([]float32, len(ordinals)+1)
	if err := scorer.Scores(scores, vectors[5], ordinals); err != nil {
		t.Fatal(err)
	}
	copies := make([][]float32, len(ordinals))
	scorer.Vectors(copies, ordinals)
	for i, o := range ordinals {
		v, found := scorer.Vector(o)
		if !slices.Equal(copies[i], v) || found == (copies[i] == nil) {
			t.Errorf("ordinal %d: %v among several, %v alone", o, copies[i], v)
		}
		if found != (o < 20) || !found && !math.IsNaN(float64(scores[i])) {
			t.Errorf("ordinal %d, of 20: score %v, vector %v", o, scores[i], v)
		}
		if found && (!slices.Equal(v, vectors[o]) || scores[i] != vec.Dot(vectors[5], v)) {
			t.Errorf("ordinal %d has score %v and another vector than was stored", o, scores[i])
		}
	}
	for name, bad := range badVectors() {
		if err := scorer.Scores(scores, bad.vector, ordinals); !errors.Is(err, bad.want) || paper.KindOf(err) != paper.Invalid {
			t.Errorf("scores, %s: %v, want %v", name, err, bad.want)
		}
	}
	if err := scorer.Scores(nil, vectors[0], nil); err != nil {
		t.Errorf("scores of nothing: %v", err)
	}
	v, _ := scorer.Vector(3)
	v[0]++
	if again, _ := scorer.Vector(3); !slices.Equal(again, vectors[3]) {
		t.Error("a change of the vector that was given reached the index")
	}
}

func testRepeatable(t *testing.T, s Subject) {
	if s.NotRepeatable {
		t.Skip("known not to be repeatable")
	}
	vectors := Clustered(13, 800, dimension, 10)
	a, b := s.filled(t, vectors), s.filled(t, vectors)
	for _, q := range Random(14, 30, dimension) {
		query := ann.Query{Vector: q, K: 10, EfSearch: 10}
		first := Search(t, a, query)
		for _, other := range []ann.Result{Search(t, a, query), Search(t, b, query)} {
			if !slices.Equal(first.Neighbors, other.Neighbors) || first.Visited != other.Visited {
				t.Fatalf("the same calls gave %+v and %+v", first, other)
			}
		}
	}
}

func testCancelled(t *testing.T, s Subject) {
	vectors := Random(15, 50, dimension)
	index := s.filled(t, vectors)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := index.Search(ctx, ann.Query{Vector: vectors[0], K: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("search with a context that is done: %v", err)
	}
}

// testConcurrent has readers at work while one goroutine writes; the race
// detector is the judge, besides what must hold at every moment.
func testConcurrent(t *testing.T, s Subject) {
	vectors := Random(16, 600, dimension)
	index := s.filled(t, vectors[:100])
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for i := range 3 {
		readers.Go(func() {
			for n := i; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				q := vectors[n%len(vectors)]
				r, err := index.Search(context.Background(), ann.Query{Vector: q, K: 5, EfSearch: 20})
				if err != nil || len(r.Neighbors) == 0 {
					t.Errorf("search beside a writer: %+v, %v", r, err)
					return
				}
				index.Len()
			}
		})
	}
	for i, v := range vectors[100:] {
		if err := index.Upsert(uint32(100+i), v); err != nil {
			t.Error(err)
		}
		if i%2 == 0 {
			if _, err := index.Delete(uint32(i)); err != nil {
				t.Error(err)
			}
		}
		if i%3 == 0 {
			if err := index.Upsert(uint32(100+i/2), vectors[i]); err != nil {
				t.Error(err)
			}
		}
	}
	close(stop)
	readers.Wait()
}
