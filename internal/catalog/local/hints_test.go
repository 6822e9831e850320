package local_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"akin/internal/catalog"
	"akin/internal/catalog/local"
	"akin/internal/paper"
)

// TestNamesAreThoseOfTheirView asks views of several moments, some at once, for the
// vectors of papers by their ids, between changes that delete papers and bring them back,
// and hold what is found against what was there.
func TestNamesAreThoseOfTheirView(t *testing.T) {
	c, closeAll := open(t, t.TempDir()+"/data", local.ExactIndex)
	defer closeAll()
	random := rand.New(rand.NewPCG(3, 3))
	const papers = 2500 // more than the first table of hints has room for
	var refs []paper.Ref
	for n := range papers {
		refs = append(refs, paper.Ref{ID: fmt.Sprintf("p%04d", n)})
	}
	refs = append(refs, paper.Ref{ID: "p"}, paper.Ref{ID: "another"}, refs[0])
	there := make(map[string][]float32)
	var wait sync.WaitGroup
	for round := range 8 {
		var changes []catalog.Mutation
		for range 700 {
			if m := put(random.IntN(papers), round); random.IntN(3) > 0 {
				changes, there[m.Paper.ID] = append(changes, m), m.Vector
			} else if there[m.Paper.ID] != nil {
				changes = append(changes, catalog.Mutation{Delete: true, Paper: paper.Paper{ID: m.Paper.ID}})
				delete(there, m.Paper.ID)
			}
		}
		apply(t, c, changes...)
		v, err := c.View(t.Context(), paper.DefaultCollection)
		if err != nil {
			t.Fatal(err)
		}
		then := maps.Clone(there)
		wait.Go(func() {
			defer v.Close()
			for range 3 {
				vectors, err := v.Vectors(t.Context(), refs)
				if err != nil {
					t.Error(err)
					return
				}
				for i, r := range refs {
					if !slices.Equal(vectors[i], then[r.ID]) {
						t.Errorf("after round %d, %s has %v, not %v", round, r.ID, vectors[i], then[r.ID])
						return
					}
				}
			}
		})
	}
	wait.Wait()
}
