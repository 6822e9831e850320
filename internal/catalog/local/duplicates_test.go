package local_test

import (
	"fmt"
	"testing"

	"akin/internal/catalog"
	"akin/internal/catalog/local"
	"akin/internal/paper"
	"akin/internal/rank"
)

// groups gives the ids of the groups of a collection.
func groups(t *testing.T, c *local.Catalog) (out []string) {
	t.Helper()
	v := look(t, c)
	defer v.Close()
	papers, found, err := v.Duplicates(t.Context(), "", 0.95)
	if err != nil || papers != v.Info().Papers {
		t.Fatal(papers, err)
	}
	for g, err := range found {
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, p := range g.Papers {
			ids = append(ids, p.Record.ID)
		}
		if ids != nil {
			out = append(out, fmt.Sprint(ids))
		}
	}
	return out
}

// What counts as one follows every change, with every index, and is the same
// after opening again.
func TestDuplicatesFollowChanges(t *testing.T) {
	for _, kind := range local.IndexKinds() {
		t.Run(string(kind), func(t *testing.T) {
			dir := t.TempDir() + "/data"
			c, closeAll := open(t, dir, kind)
			withDOI := func(n int, doi string) catalog.Mutation {
				m := put(n, 1)
				m.Paper.DOI = doi
				return m
			}
			want := func(ids ...string) {
				t.Helper()
				if got := groups(t, c); fmt.Sprint(got) != fmt.Sprint(ids) {
					t.Errorf("groups %v, want %v", got, ids)
				}
			}
			apply(t, c, withDOI(1, "10.1/a"), withDOI(2, "10.1/b"), withDOI(3, "10.1/A"), withDOI(4, ""))
			want("[p0001 p0003]")
			hits := []rank.Hit{{ID: "p0004"}, {ID: "p0003", Handle: 3}, {ID: "p0001", Handle: 1}}
			left, stands, err := collapse(t.Context(), c, hits, nil)
			if err != nil || len(left) != 2 || left[1].ID != "p0003" || len(stands["p0003"]) != 1 || stands["p0003"][0].ID != "p0001" {
				t.Errorf("collapsed to %v, %v, %v", left, stands, err)
			}
			hits = []rank.Hit{{ID: "p0004", Handle: 4}, {ID: "p0003", Handle: 3}}
			if left, _, err = collapse(t.Context(), c, hits, []string{"p0001", "gone"}); err != nil || len(left) != 1 || left[0].ID != "p0004" {
				t.Errorf("beside p0001: %v, %v", left, err)
			}
			apply(t, c, catalog.Mutation{Paper: withDOI(4, "10.1/b").Paper})
			want("[p0001 p0003]", "[p0002 p0004]")
			apply(t, c, catalog.Mutation{Delete: true, Paper: paper.Paper{ID: "p0001"}})
			want("[p0002 p0004]")
			apply(t, c, withDOI(1, "10.1/b"))
			want("[p0001 p0002 p0004]")
			before := groups(t, c)
			closeAll()
			c, closeAll = open(t, dir, kind)
			defer closeAll()
			want(before...)
		})
	}
}
