package local_test

import (
	"slices"
	"testing"

	catalog "akin/internal/catalog/local"
)

func sampled(t *testing.T, c *catalog.Embedded, n int) []string {
	t.Helper()
	got, err := now(c, catalog.View.Background, t.Context(), n)
	if err != nil || len(got.Vectors) != len(got.Hits) {
		t.Fatal(len(got.Vectors), len(got.Hits), err)
	}
	ids := make([]string, len(got.Hits))
	for i, h := range got.Hits {
		ids[i] = h.ID
	}
	return ids
}

// A sample is the same until the collection changes, and mostly the same then.
func TestBackground(t *testing.T) {
	c, closeAll := open(t, t.TempDir(), catalog.ExactIndex)
	defer closeAll()
	if got := sampled(t, c, 10); len(got) != 0 {
		t.Errorf("a sample of nothing: %v", got)
	}
	var changes []catalog.Mutation
	for n := range 300 {
		changes = append(changes, put(n, 1))
	}
	apply(t, c, changes...)
	first := sampled(t, c, 60)
	if len(first) != 60 || !slices.Equal(first, sampled(t, c, 60)) {
		t.Errorf("%d papers, or others the second time", len(first))
	}
	slices.Sort(first)
	if len(slices.Compact(slices.Clone(first))) != 60 || first[0] > "p0060" || first[59] < "p0240" {
		t.Errorf("not spread over the collection: %v", first)
	}
	if got := sampled(t, c, 1000); len(got) != 300 {
		t.Errorf("%d of 300 papers", len(got))
	}
	changes = nil
	for n := 300; n < 330; n++ {
		changes = append(changes, put(n, 1))
	}
	apply(t, c, changes...)
	same := 0
	for _, id := range sampled(t, c, 60) {
		if _, ok := slices.BinarySearch(first, id); ok {
			same++
		}
	}
	if same < 45 {
		t.Errorf("only %d of 60 are the same after a tenth more", same)
	}
}

func TestTermsAt(t *testing.T) {
	c, closeAll := open(t, t.TempDir(), catalog.ExactIndex)
	defer closeAll()
	apply(t, c, put(1, 1), put(2, 1))
	all, err := now(c, catalog.View.Background, t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	terms, err := now(c, catalog.View.TermsAt, t.Context(), []uint32{all.Hits[0].Ordinal, 999})
	if err != nil || len(terms) != 2 || len(terms[0]) == 0 || terms[1] != nil {
		t.Errorf("%v, %v", terms, err)
	}
	all.Keep(func(i int) bool { return i == 1 })
	if len(all.Hits) != 1 || len(all.Vectors) != 1 {
		t.Errorf("kept %v", all.Hits)
	}
}
