package weaviate_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"akin/internal/catalog"
	"akin/internal/catalog/catalogtest"
	"akin/internal/catalog/weaviate"
	"akin/internal/paper"
	"akin/internal/vec"
)

func put(id, title string, n int) catalog.Mutation {
	v := make([]float32, catalogtest.Space().Dimension)
	r := rand.New(rand.NewPCG(uint64(n), 3))
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	if err := vec.Normalize(v); err != nil {
		panic(err)
	}
	return catalog.Mutation{Paper: paper.Paper{ID: id, Title: title}, Vector: v, TokenCount: 3}
}

// holds expects papers by id with their titles, whichever way they are asked for.
func holds(t *testing.T, c *weaviate.Catalog, sequence uint64, want map[string]string) {
	t.Helper()
	v, err := c.View(t.Context(), paper.DefaultCollection)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	got := make(map[string]string)
	for r, err := range v.List(t.Context(), catalog.Listing{}) {
		if err != nil {
			t.Fatal(err)
		}
		got[r.ID] = r.Title
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || v.Info().Sequence != sequence || int(v.Info().Papers) != len(want) {
		t.Errorf("at %d there are %d: %v\nwant at %d: %v", v.Info().Sequence, v.Info().Papers, got, sequence, want)
	}
	for id, title := range want {
		records, err := v.Get(t.Context(), catalog.Refs(id))
		if err != nil || records[0] == nil || records[0].Title != title {
			t.Errorf("%s: %v, %v", id, records, err)
		}
		found, err := v.Hybrid(t.Context(), catalog.Hybrid{Words: catalog.Words{Text: title}, K: 9})
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range found.Hits {
			if want[h.ID] != title {
				t.Errorf("%s is found by %s", h.ID, title)
			}
		}
	}
}

// A writer that dies anywhere in a group leaves the collection as it was, for readers at
// once and for the next writer after it has taken the group back.
func TestStranded(t *testing.T) {
	for steps := 1; steps <= 5; steps++ {
		t.Run(fmt.Sprint(steps, " steps"), func(t *testing.T) {
			c := open(t, catalogtest.Space(), nil)
			_, sequence, err := c.Apply(t.Context(), paper.DefaultCollection, []catalog.Mutation{put("a", "glacier", 1), put("b", "turbine", 2), put("c", "violin", 3)})
			if err != nil {
				t.Fatal(err)
			}
			was := map[string]string{"a": "glacier", "b": "turbine", "c": "violin"}
			group := []catalog.Mutation{put("a", "copper", 4), {Delete: true, Paper: paper.Paper{ID: "b"}}, put("d", "orchid", 5), put("e", "quartz", 6)}
			if err := weaviate.Strand(t.Context(), c, paper.DefaultCollection, steps, group); err != nil {
				t.Fatal(err)
			}
			holds(t, c, sequence, was)
			_, after, err := c.Apply(t.Context(), paper.DefaultCollection, []catalog.Mutation{put("f", "meteor", 7)})
			if err != nil {
				t.Fatal(err)
			}
			was["f"] = "meteor"
			holds(t, c, after, was)
			if _, after, err = c.Apply(t.Context(), paper.DefaultCollection, group); err != nil {
				t.Fatal(err)
			}
			holds(t, c, after, map[string]string{"a": "copper", "c": "violin", "d": "orchid", "e": "quartz", "f": "meteor"})
		})
	}
}

// A writer of a greater epoch takes over; the one before is refused from then on.
func TestEpochs(t *testing.T) {
	var config weaviate.Config
	first := open(t, catalogtest.Space(), func(c *weaviate.Config) { config = *c })
	apply := func(c *weaviate.Catalog, id string) error {
		_, _, err := c.Apply(t.Context(), paper.DefaultCollection, []catalog.Mutation{put(id, "glacier", 1)})
		return err
	}
	if err := apply(first, "a"); err != nil {
		t.Fatal(err)
	}
	other := func(epoch uint64) (*weaviate.Catalog, error) {
		config.Epoch = epoch
		c, err := weaviate.Open(t.Context(), config)
		if err == nil {
			t.Cleanup(func() {
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		return c, err
	}
	reason := func(err error) string {
		var e *paper.Error
		if !errors.As(err, &e) {
			return fmt.Sprint(err)
		}
		return e.Reason
	}
	reader, err := other(0)
	if err != nil {
		t.Fatal(err)
	}
	if err := apply(reader, "b"); reason(err) != weaviate.ReasonNotWriter {
		t.Errorf("a reader writes: %v", err)
	}
	second, err := other(2)
	if err != nil {
		t.Fatal(err)
	}
	if err := apply(second, "b"); err != nil {
		t.Error(err)
	}
	if err := apply(first, "c"); reason(err) != weaviate.ReasonWriterReplaced {
		t.Errorf("the first writer goes on: %v", err)
	}
	if _, err := other(1); reason(err) != weaviate.ReasonWriterReplaced {
		t.Errorf("the first writer comes again: %v", err)
	}
	holds(t, reader, 2, map[string]string{"a": "glacier", "b": "glacier"})
	config.Space.Dimension++
	if _, err := other(3); reason(err) != paper.ReasonSpaceMismatch {
		t.Errorf("another space: %v", err)
	}
}

// Filters that the cluster cannot decide are refused with their column.
func TestRefusedFilters(t *testing.T) {
	c := open(t, catalogtest.Space(), nil)
	v, err := c.View(t.Context(), paper.DefaultCollection)
	if err != nil {
		t.Fatal(err)
	}
	for text, column := range map[string]string{
		`venue = "*x"`: "1", `venue = a AND title:"two words"`: "15", "signals.votes > 3": "1", `metadata.kind > "b"`: "1", "NOT title:graph*": "5",
		"listed_date = 2024": "1", "metadata.kind:word": "1",
	} {
		_, err := v.Nearest(t.Context(), catalog.Nearest{Restriction: catalog.Restriction{Filter: text}})
		var e *paper.Error
		if !errors.As(err, &e) || e.Kind != paper.Invalid || e.Metadata["column"] != column {
			t.Errorf("%s: %v, %+v", text, err, e)
		}
	}
}
