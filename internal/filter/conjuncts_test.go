package filter

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestConjuncts(t *testing.T) {
	for text, want := range map[string][]string{
		"":                              nil,
		"year >= 2020":                  nil,
		"year = 2020 OR year = 2021":    nil,
		"year >= 2020 AND  title:graph": {"year >= 2020", "title:graph"},
		`venue = "Ä AND B" graph -x`:    {`venue = "Ä AND B"`, "graph", "-x"},
		"(year >= 2020 AND (graph language = en)) AND NOT (a OR b)":    {"year >= 2020", "graph", "language = en", "NOT (a OR b)"},
		"category = (cs.CL OR cs.LG) AND year = 2020 OR author:Turing": {"category = (cs.CL OR cs.LG)", "year = 2020 OR author:Turing"},
	} {
		f, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range f.Conjuncts() {
			got = append(got, p.String())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: parts %q, want %q", text, got, want)
		}
	}
}

// A conjunction keeps what all of its parts keep.
func TestConjunctsMeanTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, err := Parse(drawFilter(t, 3))
		if err != nil {
			t.Fatal(err)
		}
		r := drawRecord(t)
		parts := f.Conjuncts()
		if len(parts) == 1 {
			t.Fatalf("%s has one part", f)
		}
		all := !slices.ContainsFunc(parts, func(p *Filter) bool { return !p.Match(r) })
		if len(parts) > 0 && all != f.Match(r) {
			t.Fatalf("%s and its parts %q differ", f, parts)
		}
	})
}
