package ann_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/ann"
	"akin/internal/vec"
)

// between is a context that does something whenever it is looked at.
type between struct {
	context.Context
	do func()
}

func (b between) Err() error {
	b.do()
	return b.Context.Err()
}

// A long scan looks at its context without the lock, so that changes go on, and
// finds what did not change as if nothing had: among new rows, changed ones, gaps
// that are used again, and rows that are all moved.
func TestChangesGoOnInScans(t *testing.T) {
	const size, dimension = 9000, 8
	random := rand.New(rand.NewPCG(3, 4))
	draw := func() []float32 {
		v := make([]float32, dimension)
		for i := range v {
			v[i] = float32(random.NormFloat64())
		}
		if err := vec.Normalize(v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	vectors := make([][]float32, size)
	ordinals := make([]uint32, size)
	half := roaring.New()
	for i := range vectors {
		vectors[i], ordinals[i] = draw(), uint32(i)
		if i%10 != 0 {
			half.Add(uint32(i))
		}
	}
	for name, make := range map[string]func() (ann.Index, error){
		"exact": func() (ann.Index, error) { return ann.NewExact(dimension) },
		"plain": func() (ann.Index, error) { return ann.NewPlain(dimension) },
		"graph": func() (ann.Index, error) {
			return ann.NewGraph(dimension, ann.Options{M: 4, EfConstruction: 8})
		},
	} {
		for _, keep := range []ann.Set{nil, half} {
			t.Run(name, func(t *testing.T) {
				index, err := make()
				if err != nil {
					t.Fatal(err)
				}
				if g, ok := index.(*ann.Graph); ok {
					err = g.UpsertMany(t.Context(), ordinals, vectors, 0)
				} else {
					for i, v := range vectors {
						if err == nil {
							err = index.Upsert(ordinals[i], v)
						}
					}
				}
				if err != nil {
					t.Fatal(err)
				}
				changed := map[uint32]bool{}
				looks := 0
				change := func() {
					if looks++; looks == 1 { // before anything is compared
						return
					}
					for n := range 30 {
						o := uint32(random.IntN(size + 500))
						changed[o] = true
						if n%3 == 0 {
							if _, err := index.Delete(o); err != nil {
								t.Error(err)
							}
						} else if err := index.Upsert(o, draw()); err != nil {
							t.Error(err)
						}
					}
					if g, ok := index.(*ann.Graph); ok && looks == 3 { // moves all rows
						for o := uint32(5000); o < size; o++ {
							changed[o] = true
							if _, err := index.Delete(o); err != nil {
								t.Error(err)
							}
						}
						if err := g.Repair(context.Background()); err != nil {
							t.Error(err)
						}
					}
				}
				const k = 300
				query := draw()
				got, err := index.Search(between{t.Context(), change}, ann.Query{Vector: query, K: k, Exact: true, Keep: keep})
				if err != nil || looks < 2 || len(got.Neighbors) == 0 {
					t.Fatalf("%d neighbours, %v, after %d looks", len(got.Neighbors), err, looks)
				}
				found := map[uint32]bool{}
				worst := float32(2)
				for _, n := range got.Neighbors {
					found[n.Ordinal] = true
					worst = n.Score
					if !changed[n.Ordinal] && n.Score-vec.Dot(query, vectors[n.Ordinal]) > 1e-6 {
						t.Errorf("%d has %v", n.Ordinal, n.Score)
					}
					if keep != nil && !keep.Contains(n.Ordinal) {
						t.Errorf("%d is not kept", n.Ordinal)
					}
				}
				for o, v := range vectors {
					if o := uint32(o); !changed[o] && (keep == nil || keep.Contains(o)) && vec.Dot(query, v) > worst+1e-6 && !found[o] {
						t.Errorf("%d with %v is missing; the last has %v", o, vec.Dot(query, v), worst)
					}
				}
			})
		}
	}
}
