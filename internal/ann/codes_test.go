package ann_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"pgregory.net/rapid"

	"akin/internal/ann"
	"akin/internal/ann/anntest"
	"akin/internal/vec"
)

// TestMarginHolds looks for vectors whose cosine is above the bound that their
// codes give: sparse ones, flat ones, any.
func TestMarginHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.IntRange(1, 600).Draw(t, "d")
		element := rapid.SampledFrom([]*rapid.Generator[float32]{
			rapid.Float32Range(-1, 1), rapid.SampledFrom([]float32{0, 0, 0, 0, 1, -1, 0.004}),
			rapid.SampledFrom([]float32{0.0118, -0.0118, 1}),
		}).Draw(t, "kind")
		draw := func(name string) []float32 {
			v := rapid.SliceOfN(element, d, d).Draw(t, name)
			if vec.Normalize(v) != nil {
				v[0] = 1
			}
			return v
		}
		a, b := draw("a"), draw("b")
		similarity, most := ann.Codes(a, b)
		exact := vec.Dot(a, b)
		if exact > most {
			t.Fatalf("cosine %v is above the bound %v; by codes it is %v", exact, most, similarity)
		}
		if d >= 100 && most-similarity > 0.5 {
			t.Fatalf("the bound %v is of no use: codes give %v", most, similarity)
		}
	})
}

// TestExactIsPlain compares a scan of codes with a scan of float32.
func TestExactIsPlain(t *testing.T) {
	alone(t)
	for _, dimension := range []int{3, 16, 200} {
		vectors := slices.Concat(anntest.Random(31, 700, dimension), anntest.Clustered(32, 700, dimension, 5))
		vectors = append(vectors, vectors[600:800]...)
		exact, err := ann.NewExact(dimension)
		if err != nil {
			t.Fatal(err)
		}
		plain, graph := newExact(t, dimension), newGraph(t, dimension, ann.Options{EfConstruction: 20})
		for _, index := range []ann.Index{exact, plain, graph} {
			anntest.Fill(t, index, vectors)
			for i := range 100 {
				if _, err := index.Delete(uint32(i * 3)); err != nil {
					t.Fatal(err)
				}
			}
		}
		third := roaring.New()
		for i := range uint32(len(vectors)) {
			if i%3 == 1 {
				third.Add(i)
			}
		}
		for i, v := range anntest.Random(33, 60, dimension) {
			for _, keep := range []ann.Set{nil, third, uncounted{third}} {
				q := ann.Query{Vector: v, K: 1 + i*i%300, Keep: keep, Exact: true}
				want := anntest.Search(t, plain, q)
				for name, index := range map[string]ann.Index{"exact": exact, "graph": graph} {
					if got := anntest.Search(t, index, q); !slices.Equal(got.Neighbors, want.Neighbors) {
						t.Fatalf("%s, %d dimensions, filter %v: %v, want %v", name, dimension, keep != nil, got.Neighbors, want.Neighbors)
					}
				}
			}
		}
	}
}

// TestPoolAndHeapsFindTheSame: they are two ways to keep one beam.
func TestPoolAndHeapsFindTheSame(t *testing.T) {
	alone(t)
	const dimension, size = 24, 3000
	g := newGraph(t, dimension, ann.Options{M: 6, EfConstruction: 30, AlwaysWalk: true})
	anntest.Fill(t, g, anntest.Clustered(34, size, dimension, 30))
	for i := range uint32(300) { // tombstones, not yet swept
		if _, err := g.Delete(i * 9); err != nil {
			t.Fatal(err)
		}
	}
	if g.Stats().Tombstones == 0 {
		t.Fatal("no tombstones to walk through")
	}
	for _, v := range anntest.Clustered(35, 100, dimension, 30) {
		for _, ef := range []int{1, 2, 10, 64, 300} {
			got := anntest.Search(t, g, ann.Query{Vector: v, K: min(ef, 10), EfSearch: ef})
			if want := ann.WithHeaps(g, v, min(ef, 10), ef); !slices.Equal(got.Neighbors, want) {
				t.Fatalf("efSearch %d: %v, with heaps %v", ef, got.Neighbors, want)
			}
		}
	}
}

// TestSearchAllocatesNothing: not by any plan, once memory is there.
func TestSearchAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector empties pools at random")
	}
	const dimension, size = 32, 3000
	vectors := anntest.Clustered(36, size, dimension, 30)
	walking := newGraph(t, dimension, ann.Options{AlwaysWalk: true, EfConstruction: 30})
	choosing, plain := newGraph(t, dimension, ann.Options{EfConstruction: 30}), newExact(t, dimension)
	exact, err := ann.NewExact(dimension)
	if err != nil {
		t.Fatal(err)
	}
	for _, index := range []ann.Index{walking, choosing, exact, plain} {
		anntest.Fill(t, index, vectors)
	}
	half, few, far := roaring.New(), roaring.New(), farFrom(t, plain, vectors[5], size/2)
	half.AddRange(0, size/2)
	for i := range uint32(60) {
		few.Add(i * 50)
	}
	for name, c := range map[string]struct {
		index ann.Searcher
		query ann.Query
		plan  ann.Plan
	}{
		"walk":                       {walking, ann.Query{K: 10}, ann.PlanWalk},
		"walk with heaps":            {walking, ann.Query{K: 100, EfSearch: 2000}, ann.PlanWalk},
		"filtered walk":              {walking, ann.Query{K: 10, Keep: half}, ann.PlanFilteredWalk},
		"filtered walk with heaps":   {walking, ann.Query{K: 10, Keep: few}, ann.PlanFilteredWalk},
		"filtered walk, asked":       {choosing, ann.Query{K: 10, EfSearch: 10, Keep: ann.Set(&uncounted{half})}, ann.PlanFilteredWalk},
		"walk given up":              {choosing, ann.Query{K: 10, EfSearch: 10, Keep: far}, ann.PlanScan},
		"graph's scan":               {choosing, ann.Query{K: 10, Exact: true}, ann.PlanScan},
		"graph's filtered scan":      {choosing, ann.Query{K: 10, Keep: few}, ann.PlanScan},
		"exact scan":                 {exact, ann.Query{K: 10}, ann.PlanScan},
		"filtered scan":              {exact, ann.Query{K: 10, Keep: half}, ann.PlanScan},
		"filtered scan, asked":       {exact, ann.Query{K: 10, Keep: ann.Set(&uncounted{half})}, ann.PlanScan},
		"scan of float32":            {plain, ann.Query{K: 10}, ann.PlanScan},
		"filtered scan of float32":   {plain, ann.Query{K: 10, Keep: few}, ann.PlanScan},
		"scan for nearly everything": {exact, ann.Query{K: size - 1}, ann.PlanScan},
	} {
		t.Run(name, func(t *testing.T) {
			q := c.query
			q.Vector, q.Room = vectors[5], make([]ann.Neighbor, q.K)
			search := func() {
				if r, err := c.index.Search(context.Background(), q); err != nil || r.Plan != c.plan {
					t.Fatalf("%q, %v, want a %q", r.Plan, err, c.plan)
				}
			}
			if n := testing.AllocsPerRun(100, search); n >= 1 {
				t.Errorf("%v allocations a search", n)
			}
		})
	}
}

func TestSlotTable(t *testing.T) {
	alone(t)
	rapid.Check(t, func(t *rapid.T) {
		table, model := ann.NewSlotTable(), map[uint32]uint32{}
		empty := table.Bytes()
		ordinals := rapid.OneOf(rapid.Uint32Range(0, 3000), rapid.SampledFrom([]uint32{math.MaxUint32, 1<<28 - 1, 1 << 28}))
		for _, ordinal := range rapid.SliceOf(ordinals).Draw(t, "ordinals") {
			if rapid.Bool().Draw(t, "set") {
				slot := rapid.Uint32Range(0, 1<<30).Draw(t, "slot")
				table.Set(ordinal, slot)
				model[ordinal] = slot
			} else {
				table.Remove(ordinal)
				delete(model, ordinal)
			}
			slot, ok := table.Get(ordinal)
			if want, there := model[ordinal]; slot != want && ok || ok != there || table.Len() != len(model) {
				t.Fatalf("ordinal %d: %d, %v; want %d, %v", ordinal, slot, ok, want, there)
			}
		}
		for ordinal := range model {
			if slot, ok := table.Get(ordinal); !ok || slot != model[ordinal] {
				t.Fatalf("ordinal %d: %d, %v", ordinal, slot, ok)
			}
			table.Remove(ordinal)
		}
		if table.Len() != 0 || table.Bytes() > empty+8<<(28-10)+1000 {
			t.Fatalf("%d left, %d bytes", table.Len(), table.Bytes())
		}
	})
}
