package local_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"akin/internal/catalog"
	"akin/internal/catalog/local"
	"akin/internal/paper"
	"akin/internal/store"
	"akin/internal/vec"
)

const dimension = 24

func space() paper.Space {
	return paper.Space{Model: "test", Pooling: "mean", Template: "{title} {abstract}", MaxTokens: 8, Dimension: dimension, Precision: "float32"}
}

func vectorOf(n int) []float32 {
	random := rand.New(rand.NewPCG(7, uint64(n)))
	v := make([]float32, dimension)
	for i := range v {
		v[i] = float32(random.NormFloat64())
	}
	if err := vec.Normalize(v); err != nil {
		panic(err)
	}
	return v
}

func put(n, revision int) catalog.Mutation {
	return catalog.Mutation{
		Paper:  paper.Paper{ID: fmt.Sprintf("p%04d", n), Title: fmt.Sprintf("Paper %d, revision %d", n, revision)},
		Vector: vectorOf(n*100 + revision), TokenCount: 4,
	}
}

func open(t *testing.T, dir string, kind local.IndexKind) (*local.Catalog, func()) {
	t.Helper()
	s, err := store.Open(dir, store.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	c, err := local.Open(t.Context(), local.Config{Store: s, Space: space(), Index: kind, GraphFrom: 100})
	if err != nil {
		t.Fatal(err)
	}
	return c, func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func apply(t *testing.T, c *local.Catalog, changes ...catalog.Mutation) []catalog.Outcome {
	t.Helper()
	out, _, err := c.Apply(t.Context(), paper.DefaultCollection, changes)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func nearest(t *testing.T, c *local.Catalog, v []float32, exact bool) catalog.Found {
	t.Helper()
	found, err := neighbors(t.Context(), c, catalog.Nearest{Probes: []catalog.Probe{{Vector: v, K: 5}}, Exact: exact})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A collection that grows past the limit goes over to the graph while it is
// changed, and answers what the truth is, before, during and after; also after
// it is opened again.
func TestGraphTakesOver(t *testing.T) {
	dir := t.TempDir() + "/data"
	c, closeAll := open(t, dir, local.GraphIndex)
	want := make(map[string][]float32)
	for n := range 400 {
		m := put(n, 1)
		apply(t, c, m)
		want[m.Paper.ID] = m.Vector
		switch {
		case n%7 == 3: // changed
			m = put(n-1, 2)
			apply(t, c, m)
			want[m.Paper.ID] = m.Vector
		case n%11 == 5: // deleted
			id := fmt.Sprintf("p%04d", n-2)
			apply(t, c, catalog.Mutation{Delete: true, Paper: paper.Paper{ID: id}})
			delete(want, id)
		}
	}
	check := func(c *local.Catalog) {
		t.Helper()
		for id, v := range want {
			found := nearest(t, c, v, false)
			if found.Hits[0].ID != id || found.Hits[0].Score < 0.9999 {
				t.Errorf("%s finds %v first", id, found.Hits[0])
			}
			for _, h := range found.Hits {
				if want[h.ID] == nil {
					t.Errorf("%s finds %q, which was deleted", id, h.ID)
				}
			}
		}
		if papers := infoOf(t, c).Papers; int(papers) != len(want) {
			t.Errorf("%d papers, want %d", papers, len(want))
		}
	}
	check(c)
	closeAll()
	c, closeAll = open(t, dir, local.GraphIndex)
	defer closeAll()
	check(c)
	if found := nearest(t, c, vectorOf(1), true); found.Strategy != catalog.ExactScan || found.Visited < len(want) {
		t.Errorf("asked to be exact: strategy %d, %d of %d visited", found.Strategy, found.Visited, len(want))
	}
}

func TestUnchangedAndMissing(t *testing.T) {
	c, closeAll := open(t, t.TempDir()+"/data", local.ExactIndex)
	defer closeAll()
	if got := apply(t, c, put(1, 1))[0].Change; got != catalog.Created {
		t.Errorf("first: %d", got)
	}
	before := infoOf(t, c).Sequence
	if got := apply(t, c, put(1, 1))[0].Change; got != catalog.Unchanged {
		t.Errorf("again: %d", got)
	}
	if got := apply(t, c, catalog.Mutation{Delete: true, Paper: paper.Paper{ID: "none"}})[0].Change; got != catalog.Missing {
		t.Errorf("delete of nothing: %d", got)
	}
	if after := infoOf(t, c).Sequence; after != before {
		t.Errorf("sequence went from %d to %d though nothing changed", before, after)
	}
}

func TestAnotherSpaceIsRefused(t *testing.T) {
	dir := t.TempDir() + "/data"
	_, closeAll := open(t, dir, local.GraphIndex)
	closeAll()
	s, err := store.Open(dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	other := space()
	other.MaxTokens = 9
	_, err = local.Open(t.Context(), local.Config{Store: s, Space: other})
	if paper.KindOf(err) != paper.FailedPrecondition {
		t.Errorf("opened in another space: %v", err)
	}
}
