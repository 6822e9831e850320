package weaviate_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"akin/internal/catalog"
	"akin/internal/catalog/catalogtest"
	"akin/internal/catalog/weaviate"
	"akin/internal/paper"
)

// another opens the same collection once more, by a writer of an epoch, or a reader.
func another(t *testing.T, config weaviate.Config, epoch uint64) *weaviate.Catalog {
	t.Helper()
	config.Epoch = epoch
	c, err := weaviate.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// What a writer sent long ago may come late, after anything. Nobody sees less by that: not
// readers, not those that begin to read, and not the next writer, whoever wrote when.
func TestLateState(t *testing.T) {
	var config weaviate.Config
	c := open(t, catalogtest.Space(), func(c *weaviate.Config) { c.AuditEvery = -1; config = *c })
	written := 0
	write := func(c *weaviate.Catalog, to int) {
		t.Helper()
		for ; written < to; written++ {
			if _, _, err := c.Apply(t.Context(), paper.DefaultCollection, []catalog.Mutation{put(fmt.Sprintf("p%d", written), "early", written)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	sees := func(who string, c *weaviate.Catalog) {
		t.Helper()
		v := view(t, c)
		last := fmt.Sprint("p", written-1)
		if records, err := v.Get(t.Context(), catalog.Refs(last)); err != nil || records[0] == nil || int(v.Info().Papers) != written {
			t.Errorf("%s: of %d papers, where there are %d, the last is %v: %v", who, v.Info().Papers, written, records, err)
		}
		log, err := v.(catalog.Changes).Changed(t.Context(), 0, 1000)
		if err != nil || len(log) != written || log[written-1].ID != last {
			t.Errorf("%s: %d changes of %d, %v", who, len(log), written, err)
		}
	}
	reader := another(t, config, 0)
	var lates []func(context.Context) error
	w := c
	for epoch := uint64(1); epoch <= 3; epoch++ {
		if epoch > 1 {
			w = another(t, config, 2*epoch)
		}
		for range 2 {
			write(w, written+3)
			late, _, err := weaviate.State(t.Context(), w, paper.DefaultCollection)
			if err != nil {
				t.Fatal(err)
			}
			lates = append(lates, late)
		}
		for _, late := range lates {
			if err := late(t.Context()); err != nil {
				t.Fatal(err)
			}
			sees("a reader", reader)
			sees("the writer", w)
		}
		if err := lates[0](t.Context()); err != nil {
			t.Fatal(err)
		}
		sees("a new reader", another(t, config, 0))
	}
	write(w, written+40)
	sees("the writer that goes on", w)
	for began := time.Now(); ; { // it mends the hint by the way
		_, papers, err := weaviate.State(t.Context(), w, paper.DefaultCollection)
		if err != nil {
			t.Fatal(err)
		}
		if int(papers) > written-40 {
			break
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("the hint is that of %d papers still", papers)
		}
	}
}

// A paper that was replaced, or deleted, while an older write of it was under way is what it
// should be again once its writer, or the next one, has looked.
func TestLatePapers(t *testing.T) {
	var config weaviate.Config
	c := open(t, catalogtest.Space(), func(c *weaviate.Config) { c.AuditEvery = -1; config = *c })
	apply := func(c *weaviate.Catalog, changes ...catalog.Mutation) {
		t.Helper()
		if _, _, err := c.Apply(t.Context(), paper.DefaultCollection, changes); err != nil {
			t.Fatal(err)
		}
	}
	apply(c, put("a", "glacier", 1), put("b", "turbine", 2), put("c", "violin", 3))
	var lates []func(context.Context) error
	for _, id := range []string{"a", "b", "c"} {
		late, err := weaviate.LatePaper(t.Context(), c, paper.DefaultCollection, id)
		if err != nil {
			t.Fatal(err)
		}
		lates = append(lates, late)
	}
	apply(c, put("a", "copper", 4), catalog.Mutation{Delete: true, Paper: paper.Paper{ID: "b"}})
	want := map[string]string{"a": "copper", "c": "violin"}
	holds(t, c, 5, want)
	for epoch := uint64(2); epoch <= 3; epoch++ {
		w := another(t, config, epoch)
		for _, late := range lates {
			if err := late(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := weaviate.LookBack(t.Context(), w, paper.DefaultCollection); err != nil || n != 2 {
			t.Errorf("%d papers were mended: %v", n, err)
		}
		holds(t, w, 5, want)
		found, err := view(t, w).Nearest(t.Context(), catalog.Nearest{Probes: []catalog.Probe{{Vector: put("a", "", 4).Vector, K: 3}}})
		if err != nil || len(found.Hits) == 0 || found.Hits[0].ID != "a" {
			t.Errorf("by its vector: %v, %v", found, err)
		}
	}
}
