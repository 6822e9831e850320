package local_test

import (
	"fmt"
	"slices"
	"testing"

	"akin/internal/ann"
	"akin/internal/catalog"
	"akin/internal/catalog/local"
	"akin/internal/paper"
	"akin/internal/store"
)

// A collection answers the same by either kind of graph, bit for bit, walked and scanned,
// while it is changed and from its files, which are built anew when the kind changes.
func TestLVQAnswersAsGraph(t *testing.T) {
	dir, indexes := t.TempDir()+"/data", t.TempDir()
	var before []catalog.Found
	for round, kind := range []local.IndexKind{local.GraphIndex, local.LVQIndex, local.LVQIndex, local.GraphIndex} {
		s, err := store.Open(dir, store.Options{Create: true})
		if err != nil {
			t.Fatal(err)
		}
		c, err := local.Open(t.Context(), local.AlwaysWalk(local.Config{Store: s, Space: space(), Index: kind, GraphFrom: 50, Dir: indexes}))
		if err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			var all []catalog.Mutation
			for n := range 600 {
				all = append(all, put(n, 1))
			}
			apply(t, c, all...)
			local.AwaitGraph(c)
			for n := range 600 {
				if n%5 == 0 {
					apply(t, c, put(n, 2))
				} else if n%7 == 0 {
					apply(t, c, catalog.Mutation{Delete: true, Paper: paper.Paper{ID: fmt.Sprintf("p%04d", n)}})
				}
			}
		}
		// From the file that was saved, of this kind or the other.
		local.AwaitGraph(c)
		var now []catalog.Found
		for n := range 40 {
			for _, q := range []catalog.Nearest{
				{Probes: []catalog.Probe{{Vector: vectorOf(n), K: 15}}},
				{Probes: []catalog.Probe{{Vector: vectorOf(n), K: 15}}, Exact: true},
				near(vectorOf(n), 9, catalog.Restriction{Filter: `title:"revision 2"`}),
			} {
				found, err := neighbors(t.Context(), c, q)
				if err != nil {
					t.Fatal(err)
				}
				found.Visited = 0
				now = append(now, found)
			}
		}
		if round == 0 {
			before = now
		}
		for i := range now {
			switch i % 3 {
			case 1:
				if now[i].Strategy != catalog.ExactScan || !slices.Equal(now[i].Hits, before[i].Hits) {
					t.Fatalf("%s, query %d: %v, not %v", kind, i, now[i].Hits, before[i].Hits)
				}
			case 0: // of other links, as it was built anew; among so few a walk misses none
				if now[i].Strategy != catalog.GraphWalk || !slices.Equal(now[i].Hits, now[i+1].Hits) {
					t.Fatalf("%s, query %d: a walk (%d) finds %v, a scan %v", kind, i, now[i].Strategy, now[i].Hits, now[i+1].Hits)
				}
			}
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		g, _, err := ann.OpenGraph(indexes+"/papers.graph", ann.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if g.LVQ() != (kind == local.LVQIndex) {
			t.Errorf("%s has saved the other kind", kind)
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
