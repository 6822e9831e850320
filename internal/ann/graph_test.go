package ann_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"pgregory.net/rapid"

	"akin/internal/ann"
	"akin/internal/ann/anntest"
	"akin/internal/paper"
)

func newGraph(tb testing.TB, dimension int, options ann.Options) *ann.Graph {
	tb.Helper()
	g, err := ann.NewGraph(dimension, options)
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

func newExact(tb testing.TB, dimension int) *ann.Exact {
	tb.Helper()
	e, err := ann.NewPlain(dimension)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

func audit(tb testing.TB, g *ann.Graph) {
	tb.Helper()
	if err := g.Check(); err != nil {
		tb.Fatal(err)
	}
}

func TestOptionsReportAllFaults(t *testing.T) {
	_, err := ann.NewGraph(0, ann.Options{M: 1, EfConstruction: -1, EfSearch: 1 << 30, Capacity: -1})
	if !errors.Is(err, ann.ErrOptions) || paper.KindOf(err) != paper.Invalid {
		t.Fatalf("%v, want %v", err, ann.ErrOptions)
	}
	for _, field := range []string{"dimension", "m is 1", "ef_construction", "ef_search", "capacity"} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("%q does not name %q", err, field)
		}
	}
	for _, o := range []ann.Options{{}, {M: 2}, {M: 512}, {EfConstruction: 16, EfSearch: 1}, {Capacity: 1000}} {
		if _, err := ann.NewGraph(3, o); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// model runs a graph and an exact index side by side.
type model struct {
	graph *ann.Graph
	exact *ann.Exact
	// pool has near-duplicates and copies in it, and few dimensions: what
	// makes graphs fall apart.
	pool [][]float32
}

const modelDimension = 6

func newModel(t *rapid.T) *model {
	m := rapid.IntRange(2, 6).Draw(t, "m")
	options := ann.Options{
		M: m, EfConstruction: rapid.IntRange(m, 20).Draw(t, "efConstruction"),
		Seed: rapid.Uint64().Draw(t, "seed"), AlwaysWalk: true,
		Plain: rapid.Bool().Draw(t, "plain"),
	}
	graph, err := ann.NewGraph(modelDimension, options)
	if err != nil {
		t.Fatal(err)
	}
	exact, err := ann.NewPlain(modelDimension)
	if err != nil {
		t.Fatal(err)
	}
	pool := slices.Concat(
		anntest.Random(1, 40, modelDimension),
		anntest.Clustered(2, 40, modelDimension, 2),
		anntest.Clustered(2, 20, modelDimension, 2),
	)
	return &model{graph, exact, pool}
}

func (m *model) vector(t *rapid.T) []float32 {
	return m.pool[rapid.IntRange(0, len(m.pool)-1).Draw(t, "vector")]
}

func (m *model) upsert(t *rapid.T, ordinal uint32, vector []float32) {
	for _, index := range []ann.Index{m.graph, m.exact} {
		if err := index.Upsert(ordinal, vector); err != nil {
			t.Fatal(err)
		}
	}
}

func (m *model) delete(t *rapid.T, ordinal uint32) {
	was, err1 := m.graph.Delete(ordinal)
	want, err2 := m.exact.Delete(ordinal)
	if was != want || err1 != nil || err2 != nil {
		t.Fatalf("delete of %d: %v, %v and %v, %v", ordinal, was, err1, want, err2)
	}
}

// compare asks for so many candidates that the walk goes wherever links lead:
// its answer is the exact one, or something cannot be reached.
func (m *model) compare(t *rapid.T, q ann.Query) {
	want, err1 := m.exact.Search(context.Background(), q)
	q.EfSearch = math.MaxInt
	got, err2 := m.graph.Search(context.Background(), q)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if !slices.Equal(got.Neighbors, want.Neighbors) {
		t.Fatalf("graph found %v, want %v", got.Neighbors, want.Neighbors)
	}
}

func TestGraphAgainstExact(t *testing.T) {
	alone(t)
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t)
		ordinal := rapid.OneOf(rapid.Uint32Range(0, 150), rapid.SampledFrom([]uint32{math.MaxUint32, 1 << 31}))
		t.Repeat(map[string]func(*rapid.T){
			"upsert": func(t *rapid.T) { m.upsert(t, ordinal.Draw(t, "ordinal"), m.vector(t)) },
			"upsert many": func(t *rapid.T) {
				from := ordinal.Draw(t, "from")
				for i := range uint32(rapid.IntRange(1, 120).Draw(t, "count")) {
					m.upsert(t, from+i, m.pool[(from+i*7)%uint32(len(m.pool))])
				}
			},
			"delete": func(t *rapid.T) { m.delete(t, ordinal.Draw(t, "ordinal")) },
			"delete many": func(t *rapid.T) {
				from := ordinal.Draw(t, "from")
				for i := range uint32(rapid.IntRange(1, 120).Draw(t, "count")) {
					m.delete(t, from+i)
				}
			},
			"repair": func(t *rapid.T) {
				if err := m.graph.Repair(context.Background()); err != nil {
					t.Fatal(err)
				}
				if s := m.graph.Stats(); s.Tombstones != 0 {
					t.Fatalf("%d tombstones after a repair", s.Tombstones)
				}
			},
			"search": func(t *rapid.T) {
				m.compare(t, ann.Query{Vector: m.vector(t), K: rapid.IntRange(1, 200).Draw(t, "k")})
			},
			"filtered search": func(t *rapid.T) {
				keep := roaring.BitmapOf(rapid.SliceOfN(ordinal, 0, 100).Draw(t, "keep")...)
				m.compare(t, ann.Query{Vector: m.vector(t), K: rapid.IntRange(1, 200).Draw(t, "k"), Keep: keep})
			},
			"": func(t *rapid.T) {
				if m.graph.Len() != m.exact.Len() {
					t.Fatalf("%d vectors, want %d", m.graph.Len(), m.exact.Len())
				}
				if err := m.graph.Check(); err != nil {
					t.Fatal(err)
				}
			},
		})
	})
}

// TestGraphChurn replaces and deletes until every vector has changed several
// times, and compaction has been at work.
func TestGraphChurn(t *testing.T) {
	alone(t)
	const dimension = 16
	const size, rounds = 3000, 12_000
	vectors := anntest.Clustered(3, size+rounds, dimension, 40)
	g, e := newGraph(t, dimension, ann.Options{AlwaysWalk: true}), newExact(t, dimension)
	anntest.Fill(t, g, vectors[:size])
	anntest.Fill(t, e, vectors[:size])
	r := rand.New(rand.NewPCG(4, 4))
	change := func(i int, remove bool, ordinal uint32) {
		for _, index := range []ann.Index{g, e} {
			var err error
			if remove {
				_, err = index.Delete(ordinal)
			} else {
				err = index.Upsert(ordinal, vectors[size+i])
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if i%500 == 0 {
			audit(t, g)
		}
	}
	for i := range rounds {
		change(i, r.IntN(2) == 0, uint32(r.IntN(size)))
	}
	audit(t, g)
	queries := anntest.Clustered(5, 100, dimension, 40)
	m := anntest.Recall(t, g, e, queries, ann.Query{K: 10})
	t.Logf("after %d changes to %d vectors: recall@10 %.3f, %+v", rounds, size, m.Recall, g.Stats())
	if m.Recall < 0.98 {
		t.Errorf("recall@10 is %.3f after churn, want at least 0.98", m.Recall)
	}
	slots := g.Stats().Live + g.Stats().Tombstones + g.Stats().Free
	for i := range size * 9 / 10 {
		change(i, true, uint32(i))
	}
	audit(t, g)
	s := g.Stats()
	if left := s.Live + s.Tombstones + s.Free; size > 2000 && left > slots/2 {
		t.Errorf("%d slots for %d vectors, after %d slots before most were deleted", left, s.Live, slots)
	}
	if m := anntest.Recall(t, g, e, queries, ann.Query{K: 10}); m.Recall < 0.98 {
		t.Errorf("recall@10 is %.3f after most were deleted, want at least 0.98", m.Recall)
	}
}

// TestGraphDegenerate builds from vectors in which a graph has nothing to hold
// on to.
func TestGraphDegenerate(t *testing.T) {
	alone(t)
	const dimension, size = 8, 700
	random := anntest.Random(6, size, dimension)
	arc := make([][]float32, size)
	for i := range arc {
		sin, cos := math.Sincos(float64(i) * 1e-3)
		arc[i] = make([]float32, dimension)
		arc[i][0], arc[i][1] = float32(cos), float32(sin)
	}
	for name, vectors := range map[string][][]float32{
		"all the same":  slices.Repeat(random[:1], size),
		"two places":    slices.Repeat(random[:2], size/2),
		"copies in all": append(slices.Repeat(random[:1], size/2), random[:size/2]...),
		"along an arc":  arc,
		"opposites":     opposites(random[:size/2]),
	} {
		t.Run(name, func(t *testing.T) {
			g, e := newGraph(t, dimension, ann.Options{AlwaysWalk: true}), newExact(t, dimension)
			anntest.Fill(t, g, vectors)
			anntest.Fill(t, e, vectors)
			audit(t, g)
			m := anntest.Recall(t, g, e, append(slices.Clone(vectors[:50]), vectors[size-50:]...), ann.Query{K: 50})
			if m.Recall < 0.98 {
				t.Errorf("recall@50 is %.3f, want at least 0.98", m.Recall)
			}
			for i := range size / 2 {
				if _, err := g.Delete(uint32(2 * i)); err != nil {
					t.Fatal(err)
				}
			}
			audit(t, g)
		})
	}
}

func opposites(vectors [][]float32) [][]float32 {
	out := slices.Clone(vectors)
	for _, v := range vectors {
		w := make([]float32, len(v))
		for i, x := range v {
			w[i] = -x
		}
		out = append(out, w)
	}
	return out
}

func TestGraphIsDeterministic(t *testing.T) {
	alone(t)
	const dimension, size = 16, 600
	vectors := anntest.Clustered(7, 2*size, dimension, 12)
	build := func(seed uint64) *ann.Graph {
		g := newGraph(t, dimension, ann.Options{Seed: seed})
		anntest.Fill(t, g, vectors[:size])
		for i := range size {
			if i%3 == 0 {
				if _, err := g.Delete(uint32(i)); err != nil {
					t.Fatal(err)
				}
			} else if err := g.Upsert(uint32(i), vectors[size+i]); err != nil {
				t.Fatal(err)
			}
		}
		return g
	}
	a, b, other := build(1), build(1), build(2)
	if !reflect.DeepEqual(a.Stats(), b.Stats()) {
		t.Errorf("the same calls gave %+v and %+v", a.Stats(), b.Stats())
	}
	if ann.State(a) != ann.State(b) {
		t.Error("the same calls gave two graphs")
	}
	if ann.State(a) == ann.State(other) {
		t.Error("the seed changes nothing")
	}
}

// TestGraphReplacesAtOnce makes sure that readers see the old vector or the new
// one, never none or both, and never what was deleted.
func TestGraphReplacesAtOnce(t *testing.T) {
	const dimension, size, moving, gone = 8, 400, 7, 9
	vectors := anntest.Random(8, size, dimension)
	for _, alwaysWalk := range []bool{false, true} {
		g := newGraph(t, dimension, ann.Options{AlwaysWalk: alwaysWalk})
		anntest.Fill(t, g, vectors)
		if _, err := g.Delete(gone); err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		var readers sync.WaitGroup
		for range 2 {
			readers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					r, err := g.Search(context.Background(), ann.Query{Vector: vectors[0], K: size, EfSearch: size})
					if err != nil {
						t.Error(err)
						return
					}
					if err := onceAndNever(r, moving, gone); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for i := range 300 {
			if err := g.Upsert(moving, vectors[i%5]); err != nil {
				t.Error(err)
			}
			if _, err := g.Delete(uint32(20 + i)); err != nil {
				t.Error(err)
			}
		}
		close(stop)
		readers.Wait()
		audit(t, g)
	}
}

func onceAndNever(r ann.Result, once, never uint32) error {
	count := 0
	for _, n := range r.Neighbors {
		switch n.Ordinal {
		case once:
			count++
		case never:
			return fmt.Errorf("ordinal %d was deleted and is found", never)
		}
	}
	if count != 1 {
		return fmt.Errorf("ordinal %d is there %d times while it is replaced, of %d results", once, count, len(r.Neighbors))
	}
	return nil
}

// The only vector of a graph has no other to hand its role to.
func TestGraphReplacesItsOnlyVector(t *testing.T) {
	vectors := anntest.Random(9, 100, 4)
	g := newGraph(t, 4, ann.Options{AlwaysWalk: true})
	for _, v := range vectors {
		if err := g.Upsert(1, v); err != nil {
			t.Fatal(err)
		}
		audit(t, g)
		r := anntest.Search(t, g, ann.Query{Vector: v, K: 5})
		if len(r.Neighbors) != 1 || r.Neighbors[0].Score < 0.999 {
			t.Fatalf("%+v", r)
		}
	}
}

func TestGraphLeavesTheSameVectorAlone(t *testing.T) {
	vectors := anntest.Random(10, 50, 8)
	g := newGraph(t, 8, ann.Options{})
	anntest.Fill(t, g, vectors)
	before := ann.State(g)
	anntest.Fill(t, g, vectors)
	if ann.State(g) != before {
		t.Error("storing the vectors that are there changed the graph")
	}
}

// TestGraphSharesNodes stores many papers of the same vector: the k nearest are
// the k nearest papers, whichever share a node, and the others are still found.
func TestGraphSharesNodes(t *testing.T) {
	alone(t)
	const dimension, kinds, copies = 16, 40, 50
	base := anntest.Random(15, kinds, dimension)
	g, e := newGraph(t, dimension, ann.Options{AlwaysWalk: true}), newExact(t, dimension)
	vectors := slices.Repeat(base, copies)
	anntest.Fill(t, g, vectors)
	anntest.Fill(t, e, vectors)
	audit(t, g)
	if s := g.Stats(); s.Live != kinds*copies || s.Levels[0] != kinds || s.Shared != kinds*(copies-1) {
		t.Errorf("%d vectors of %d kinds made %+v", kinds*copies, kinds, s)
	}
	odd := roaring.New()
	for i := range uint32(len(vectors)) {
		if i/kinds%2 == 1 {
			odd.Add(i)
		}
	}
	same := func() {
		t.Helper()
		audit(t, g)
		for _, v := range base {
			for _, keep := range []ann.Set{nil, odd} {
				q := ann.Query{Vector: v, K: 120, Keep: keep}
				got, want := anntest.Search(t, g, q), anntest.Search(t, e, q)
				if !slices.Equal(got.Neighbors, want.Neighbors) {
					t.Fatalf("filter %v: %v, want %v", keep != nil, got.Neighbors, want.Neighbors)
				}
			}
		}
	}
	same()
	for i := range vectors {
		for _, index := range []ann.Index{g, e} {
			var err error
			switch i % 3 {
			case 0:
				_, err = index.Delete(uint32(i))
			case 1:
				err = index.Upsert(uint32(i), base[(i*7)%kinds])
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	same()
}

// TestDescentIntoADeadEnd has the descent end at a deleted node from which
// nothing can be reached: search and insertion go on from the entry point.
func TestDescentIntoADeadEnd(t *testing.T) {
	const dimension, size = 8, 200
	vectors := anntest.Random(16, size, dimension)
	g := newGraph(t, dimension, ann.Options{AlwaysWalk: true})
	anntest.Fill(t, g, vectors)
	end := uint32(0)
	for entry := g.Stats().Entry; end == entry || ann.LevelOf(g, end) == 0; end++ {
	}
	ann.DeleteAndStrand(g, end)
	audit(t, g)
	if r := anntest.Search(t, g, ann.Query{Vector: vectors[end], K: 10}); len(r.Neighbors) != 10 {
		t.Errorf("a search that began at a dead end found %d of 10", len(r.Neighbors))
	}
	before := g.Stats().Links
	if err := g.Upsert(size, vectors[end]); err != nil {
		t.Fatal(err)
	}
	audit(t, g)
	if added := g.Stats().Links - before; added <= 2 {
		t.Errorf("an insertion that began at a dead end made %d links", added)
	}
}

// TestDearWalkBecomesScan keeps only what is far from the query, so that a walk
// would have to see everything else first: it ends soon.
func TestDearWalkBecomesScan(t *testing.T) {
	alone(t)
	const dimension, size, kept, wasted = 16, 4000, 900, 120
	vectors := anntest.Random(18, size, dimension)
	g, e := newGraph(t, dimension, ann.Options{M: 8, EfConstruction: 40}), newExact(t, dimension)
	anntest.Fill(t, g, vectors)
	anntest.Fill(t, e, vectors)
	keep := farFrom(t, e, vectors[0], size-kept)
	for name, keep := range map[string]ann.Set{"counted": keep, "asked": uncounted{keep}} {
		q := ann.Query{Vector: vectors[0], K: 10, EfSearch: 10, Keep: keep}
		got, want := anntest.Search(t, g, q), anntest.Search(t, e, q)
		if got.Plan != ann.PlanScan || got.Visited <= kept || got.Visited > kept+wasted {
			t.Errorf("%s: %d distances by %s", name, got.Visited, got.Plan)
		}
		if !slices.Equal(got.Neighbors, want.Neighbors) {
			t.Errorf("%s: %v, want %v", name, got.Neighbors, want.Neighbors)
		}
	}
}

// TestFiltersCostAtMostTheirScan counts comparisons under filters of all kinds: a
// walk is for less than the scan of what is kept, and one that is given up adds
// little to it.
func TestFiltersCostAtMostTheirScan(t *testing.T) {
	alone(t)
	const dimension, questions, ef = 32, 40, 16
	size := 12_000
	if testing.Short() {
		size = 4000
	}
	vectors := anntest.Clustered(61, size+questions, dimension, 60)
	g := newGraph(t, dimension, ann.Options{EfConstruction: 40})
	anntest.Fill(t, g, vectors[:size])
	for _, kind := range []string{"random", "near", "far", "nearest left out", "other topic"} {
		walks := 0
		for _, share := range []float64{0.9, 0.5, 0.3, 0.25, 0.2, 0.1, 0.01, 0.001} {
			paid, scans := 0, 0
			for i, v := range vectors[size:] {
				keep := filterOf(t, g, kind, share, v, uint64(i))
				kept := int(keep.GetCardinality())
				for _, set := range []ann.Set{keep, uncounted{keep}} {
					r := anntest.Search(t, g, ann.Query{Vector: v, K: 10, EfSearch: ef, Keep: set})
					paid += r.Visited
					scans += kept
					if r.Plan == ann.PlanFilteredWalk {
						walks++
						// A walk's comparison costs up to twice a scan's.
						paid += r.Visited
					}
					if r.Visited > kept*5/4+100 {
						t.Errorf("%s, %g kept: %d distances by %s, for %d papers", kind, share, r.Visited, r.Plan, kept)
					}
				}
			}
			cost := float64(paid) / float64(scans)
			t.Logf("%s, %g kept: %.3f of the scan", kind, share, cost)
			if cost > 1.1 || share <= 0.1 && cost > 1 {
				t.Errorf("%s, %g kept: the cost is %.2f of the scan's", kind, share, cost)
			}
		}
		if (kind == "random" || kind == "near") && walks == 0 {
			t.Errorf("%s: no filter was walked", kind)
		}
	}
}

// uncounted hides everything of a bitmap but Contains.
type uncounted struct{ bitmap *roaring.Bitmap }

func (u uncounted) Contains(ordinal uint32) bool { return u.bitmap.Contains(ordinal) }

// TestMarksAreForgotten outlasts the 16 bits that mark what a walk has seen: a
// search must not take the marks of 65,536 searches ago for its own.
func TestMarksAreForgotten(t *testing.T) {
	alone(t)
	vectors := opposites(anntest.Random(19, 150, 4))
	g := newGraph(t, 4, ann.Options{M: 2, AlwaysWalk: true})
	anntest.Fill(t, g, vectors)
	here := ann.Query{Vector: vectors[0], K: 1, EfSearch: 1}
	there := ann.Query{Vector: vectors[150], K: 1, EfSearch: 1} // marks nothing here
	first := anntest.Search(t, g, here)
	for range 1<<16 - 1 {
		anntest.Search(t, g, there)
	}
	if r := anntest.Search(t, g, here); !reflect.DeepEqual(r, first) {
		t.Errorf("the same search found %+v, and %+v before", r, first)
	}
}

// TestCompaction deletes most papers, among them some of those that share
// nodes, and looks for the others in the smaller tables.
func TestCompaction(t *testing.T) {
	alone(t)
	const dimension, kinds, size = 8, 1500, 2000
	vectors := anntest.Random(20, kinds, dimension)
	vectors = append(vectors, vectors[kinds-(size-kinds):]...)
	g := newGraph(t, dimension, ann.Options{M: 4, EfConstruction: 20, AlwaysWalk: true})
	e := newExact(t, dimension)
	anntest.Fill(t, g, vectors)
	anntest.Fill(t, e, vectors)
	slots := func() int { s := g.Stats(); return s.Levels[0] + s.Tombstones + s.Free }
	before := slots()
	for i := range kinds - 100 {
		for _, index := range []ann.Index{g, e} {
			if _, err := index.Delete(uint32(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	audit(t, g)
	if after := slots(); after >= before || g.Stats().Shared == 0 {
		t.Errorf("%d slots became %d with %d papers left: %+v", before, after, g.Len(), g.Stats())
	}
	for i := kinds - 100; i < size; i += 10 {
		q := ann.Query{Vector: vectors[i], K: 20, EfSearch: size}
		got, want := anntest.Search(t, g, q), anntest.Search(t, e, q)
		if !slices.Equal(got.Neighbors, want.Neighbors) {
			t.Fatalf("ordinal %d: %v, want %v", i, got.Neighbors, want.Neighbors)
		}
	}
}

// waiting is a context that is done after it was asked n times.
type waiting struct {
	context.Context
	mu sync.Mutex
	n  int
}

func (w *waiting) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n--; w.n < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

func TestSearchStopsWithItsContext(t *testing.T) {
	const dimension, size = 8, 10_000
	vectors := anntest.Random(11, size, dimension)
	walking := newGraph(t, dimension, ann.Options{M: 4, EfConstruction: 8, AlwaysWalk: true})
	if raceDetector {
		vectors = vectors[:5000]
	}
	exact := newExact(t, dimension)
	anntest.Fill(t, walking, vectors)
	anntest.Fill(t, exact, vectors)
	all := roaring.New()
	all.AddRange(0, uint64(len(vectors)-1))
	for name, index := range map[string]ann.Index{"walk": walking, "scan": exact} {
		for _, keep := range []ann.Set{nil, all} {
			ctx := &waiting{Context: context.Background(), n: 1}
			q := ann.Query{Vector: vectors[0], K: 2000, EfSearch: size, Keep: keep}
			if _, err := index.Search(ctx, q); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s, filter %v: %v, want %v", name, keep != nil, err, context.DeadlineExceeded)
			}
		}
	}
}
