package filter

import (
	"slices"
	"strings"
	"testing"

	"akin/internal/paper"
)

// Given names that run together are found where both are names, and a word that is longer
// than any name is not taken apart: that took minutes of a query of 64 KiB.
func TestApart(t *testing.T) {
	long := strings.Repeat("w", longestNear)
	x := NewIndex()
	x.Upsert(1, &paper.Record{Paper: paper.Paper{ID: "x", Authors: []paper.Author{{Name: "Zim Wol Qorat"}, {Name: "Zim Fenn"}, {Name: "Zim " + long + " Qorat"}}}})
	m := mentions{x: x}
	a := x.attributes["author"]
	for word, want := range map[string]string{
		"zimwol": "Zim Wol Qorat", "zimxyz": "", "xyzwol": "", "zimw": "", "zim": "",
		"zim" + long: "",
	} {
		var got []string
		for _, id := range m.apart(a, word) {
			got = append(got, x.terms[id].value)
		}
		slices.Sort(got)
		if strings.Join(got, ", ") != want {
			t.Errorf("%.20s: %q, want %q", word, got, want)
		}
	}
}
