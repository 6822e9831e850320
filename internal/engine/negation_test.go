package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"akin/internal/engine"
	"akin/internal/paper"
)

// denied are papers about maps by one of several means, of which some do without.
func denied() (papers []paper.Paper) {
	for i := range 40 {
		thing := []string{"beam", "lens"}[i%2]
		p := paper.Paper{
			ID: fmt.Sprintf("d%02d", i), Title: fmt.Sprintf("Maps with a %s number%d", thing, i), Abstract: "A " + thing + " draws maps.",
		}
		switch {
		case i >= 36:
			p.Title, p.Abstract = fmt.Sprintf("Maps without teachers number%d", i), "Learning without teachers is done."
		case i >= 32:
			p.Title, p.Abstract = fmt.Sprintf("Maps without beam number%d", i), "The beam is not there. No beam."
		case i >= 28:
			p.Title, p.Abstract = fmt.Sprintf("Teachers of maps number%d", i), "Teachers teach."
		}
		papers = append(papers, p)
	}
	return papers
}

func said(negations []engine.Negation) string {
	var out []string
	for _, n := range negations {
		mark := "?"
		if n.Honoured {
			mark = "!"
		}
		out = append(out, fmt.Sprintf("%s%s [%s] %s", mark, n.Text, strings.Join(n.Excludes, "|"), n.Query))
	}
	return strings.Join(out, "; ")
}

// What a query says in words not to mean is understood where the collection has it, and
// topics stay topics.
func TestNegations(t *testing.T) {
	r := newRig(t, denied()...)
	for _, tc := range []struct{ query, want string }{
		{"maps not using beam", "!not using beam [beam] maps -beam"},
		{"maps, but not with the beam", "!but not with the beam [beam] maps -beam"},
		{"Maps other than beam or lens", "!other than beam or lens [beam|lens] Maps -beam -lens"},
		{"maps except for beam, lens and teachers", "!except for beam, lens and teachers [beam|lens|teachers] maps -beam -lens -teachers"},
		{"maps that do not use a beam for teachers", "!that do not use a beam [beam] maps for teachers -beam"},
		{"maps excluding draws maps", `!excluding draws maps [draws maps] maps -"draws maps"`},
		{"draws maps without lens", "?without lens [lens] draws maps -lens"},
		{"How can one draw maps without lens?", "?without lens [lens] How can one draw maps -lens"},
		{"draws maps rather than teachers", "?rather than teachers [teachers] draws maps -teachers"},
		{"draws maps, not lens", "?not lens [lens] draws maps -lens"},
		{"draws maps no lens", "?no lens [lens] draws maps -lens"},
		{"No lens draws maps", ""},
		{"lens that people do not want beam to draw", ""},
		{"lens that people don't want beam to draw", ""},
		{"maps. Do not want beam", "!Do not want beam [beam] maps -beam"},
		{"why maps does not draw lens", ""},
		{"maps or not lens", ""},
		{"maps. I don't want beam", "!I don't want beam [beam] maps -beam"},
		{"Learning of maps without teachers", ""},      // a topic here
		{"Maps without beam number33", ""},             // a title
		{"maps not using unheard", ""},                 // nothing to leave out
		{"not using beam", ""},                         // nothing else
		{"beam is not all maps need", ""},              // no cue
		{"last but not least maps", ""},                // a phrase
		{"maps including but not limited to beam", ""}, // the contrary
		{"maps but not only beam", ""},
		{`maps not using "beam"`, ""}, // operators are meant already
		{"maps not using", ""},
		{"maps but not for", ""},
		{"maps not using ,;. -- beam", ""},
		{strings.Repeat("maps ", 30) + "not using beam", ""}, // a text
	} {
		for _, mode := range []engine.Mode{engine.Hybrid, engine.Semantic, engine.Lexical} {
			got := r.good(r.Search(r.Context(), engine.SearchRequest{Query: tc.query, Mode: mode}))
			r.same(tc.query, said(got.Negations), tc.want)
		}
		got := r.good(r.Search(r.Context(), engine.SearchRequest{Query: tc.query, Verbatim: true}))
		r.same(tc.query+", verbatim", said(got.Negations), "")
	}
}

// Papers about what is not meant come last, and none is lost.
func TestNegationsAreHonoured(t *testing.T) {
	r := newRig(t, denied()...)
	all := engine.ResultOptions{PageSize: 100, KeepVersions: true}
	for _, mode := range []engine.Mode{engine.Hybrid, engine.Semantic, engine.Lexical} {
		plain := r.good(r.Search(r.Context(), engine.SearchRequest{Query: "maps", Mode: mode, ResultOptions: all}))
		got := r.good(r.Search(r.Context(), engine.SearchRequest{Query: "maps not using beam", Mode: mode, ResultOptions: all}))
		r.same("how many", len(got.Results), len(plain.Results))
		beams := false
		for _, result := range got.Results {
			about := strings.Contains(result.Record.Title, "a beam")
			if !about && beams {
				t.Errorf("by %d, %s comes after papers about beams", mode, result.Record.Title)
			}
			beams = beams || about
		}
		left := r.good(r.Search(r.Context(), engine.SearchRequest{Query: got.Negations[0].Query, Mode: mode, ResultOptions: all}))
		for _, result := range left.Results {
			if strings.Contains(strings.ToLower(result.Record.Title+result.Record.Abstract), "beam") {
				t.Errorf("%q finds %s", got.Negations[0].Query, result.Record.Title)
			}
		}
	}
}

// What a record is that is no paper has no novelty, and is no duplicate.
func TestRecordsThatAreNoPapers(t *testing.T) {
	papers := ladder(9)
	date := paper.Date{Year: 2020}
	papers = append(papers, paper.Paper{ID: "w1", Title: "Workshop and tutorials", PublishDate: date}, paper.Paper{ID: "w2", Title: "Workshop and tutorials", PublishDate: date})
	r := newRig(t, papers...)
	got, err := r.Novelty(r.Context(), engine.NoveltyRequest{PaperIDs: []string{"w1", "p09"}})
	if err != nil {
		t.Fatal(err)
	}
	r.same("reasons", []any{got.Papers[0].Reason, got.Papers[0].Nearest, got.Papers[1].Reason}, []any{engine.NoPaper, []engine.Earlier(nil), engine.NoveltyKnown})
	groups := 0
	zero := 0.0
	err = r.FindDuplicates(r.Context(), engine.FindDuplicates{MinSimilarity: &zero}, func(f engine.FoundDuplicates) error {
		for _, d := range f.Group {
			groups++
			t.Errorf("%s is a duplicate", d.Record.ID)
		}
		return nil
	})
	r.same("duplicates", []any{groups, err}, []any{0, nil})
}
