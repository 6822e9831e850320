package local_test

import (
	"slices"
	"testing"

	"akin/internal/catalog"
	"akin/internal/catalog/local"
	"akin/internal/paper"
)

func sampled(t *testing.T, c *local.Catalog, n int) []string {
	t.Helper()
	v := look(t, c)
	defer v.Close()
	got, err := v.Background(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, len(got))
	for i, r := range got {
		ids[i] = r.ID
	}
	return ids
}

// A sample is the same until the collection changes, and mostly the same then.
func TestBackground(t *testing.T) {
	c, closeAll := open(t, t.TempDir(), local.ExactIndex)
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

func TestTerms(t *testing.T) {
	c, closeAll := open(t, t.TempDir(), local.ExactIndex)
	defer closeAll()
	apply(t, c, put(1, 1), put(2, 1))
	v := look(t, c)
	defer v.Close()
	all, err := v.Background(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	terms, err := v.Terms(t.Context(), []paper.Ref{all[0], {ID: "p0009", Handle: 999}, {ID: all[0].ID}})
	if err != nil || len(terms) != 3 || len(terms[0]) == 0 || terms[1] != nil || !slices.Equal(terms[2], terms[0]) {
		t.Errorf("%v, %v", terms, err)
	}
}
