package filter

import (
	"testing"

	"akin/internal/paper"
)

// What the index tells of papers is what their records say, also after a change
// and a deletion.
func TestAttributesOfPapers(t *testing.T) {
	x := NewIndex()
	dates := []paper.Date{{}, {Year: 2019}, {Year: 2020, Month: 12}, {Year: 9999, Month: 12, Day: 31}, {Month: 3, Day: 17}}
	venues := []string{"", "NeurIPS", "neurips", "ICML", "A Journal"}
	ordinals := []uint32{70_000, 0, 1, 4096, 9}
	for i, o := range ordinals {
		x.Upsert(o, &paper.Record{Paper: paper.Paper{ID: "x", PublishDate: dates[i], Venue: venues[i], Categories: []string{"NeurIPS"}}})
	}
	for i, d := range x.Dates(ordinals) {
		if d != dates[i] {
			t.Errorf("date %v became %v", dates[i], d)
		}
	}
	want := []string{"", "NeurIPS", "NeurIPS", "ICML", "A Journal"} // the first spelling is everybody's
	for i, v := range x.Venues(ordinals) {
		if v != want[i] {
			t.Errorf("venue %q became %q", want[i], v)
		}
	}
	x.Upsert(0, &paper.Record{Paper: paper.Paper{ID: "x", Venue: "ICML"}})
	x.Delete(1)
	if d, v := x.Dates([]uint32{0, 1, 12}), x.Venues([]uint32{0, 1, 12}); !d[0].IsZero() || !d[1].IsZero() || v[0] != "ICML" || v[1] != "" || v[2] != "" {
		t.Errorf("after changes: %v, %q", d, v)
	}
}
