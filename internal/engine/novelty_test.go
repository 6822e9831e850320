package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"akin/internal/engine"
	"akin/internal/paper"
)

// years are n papers, one a year from 2001, each with "alpha" and a word of its own: two
// have the cosine 1/2.
func years(n int) (papers []paper.Paper) {
	for i := 1; i <= n; i++ {
		papers = append(papers, paper.Paper{
			ID: fmt.Sprintf("y%02d", i), Title: fmt.Sprintf("alpha year%d", i), PublishDate: paper.Date{Year: 2000 + i, Month: 3, Day: 1},
		})
	}
	return papers
}

func (r *rig) novelty(req engine.NoveltyRequest) *engine.NoveltyAnswer {
	r.Helper()
	a, err := r.Novelty(r.Context(), req)
	if err != nil {
		r.Fatal(err)
	}
	return a
}

func TestNovelty(t *testing.T) {
	papers := append(years(12), // far from all, and a copy of what was
		paper.Paper{ID: "far", Title: "omega psi", PublishDate: paper.Date{Year: 2013}},
		paper.Paper{ID: "copy", Title: "alpha year1 year2 year3 year4 year5", PublishDate: paper.Date{Year: 2013, Month: 5}},
		paper.Paper{ID: "undated", Title: "alpha undated"},
		paper.Paper{ID: "later", Title: "omega psi more", PublishDate: paper.Date{Year: 2014}})
	r := newRig(t, papers...)
	a := r.novelty(engine.NoveltyRequest{PaperIDs: []string{"far", "y08", "copy", "y01", "y03", "undated"}})
	far, usual, copied, first, third, undated := a.Papers[0], a.Papers[1], a.Papers[2], a.Papers[3], a.Papers[4], a.Papers[5]
	if !near(far.Distance, 1) || far.Until != "2012-12-31" || far.Earlier != 12 || len(far.Nearest) != engine.NoveltyNeighbors || far.Reason != engine.NoveltyKnown {
		t.Errorf("far: %+v", far)
	}
	if !near(usual.Distance, .5) || usual.Until != "2008-02-29" || usual.Earlier != 7 || len(usual.Nearest) != engine.NoveltyNeighbors {
		t.Errorf("usual: %+v", usual)
	}
	if want := 1 - 2/(1.41421356*2.44948974); !near(copied.Distance, want) || copied.Earlier != 13 || copied.Until != "2013-04-30" {
		t.Errorf("copy: %+v, not %v", copied, want)
	}
	if !(copied.Percentile < usual.Percentile && usual.Percentile < far.Percentile) {
		t.Errorf("percentiles are %v, %v, %v", copied.Percentile, usual.Percentile, far.Percentile)
	}
	r.same("none before", []any{first.Reason, first.Earlier, len(first.Nearest), first.Until}, []any{engine.NoEarlier, 0, 0, "2001-02-28"})
	r.same("two before", []any{third.Reason, third.Earlier, len(third.Nearest)}, []any{engine.FewEarlier, 2, 2})
	r.same("no date", []any{undated.Reason, undated.Until, len(undated.Nearest)}, []any{engine.NoDate, "", 0})
	for i, n := range usual.Nearest {
		if n.Record.PublishDate.Year >= 2008 || !near(n.Similarity, .5) {
			t.Errorf("nearest %d is %s of %v with %v", i, n.Record.ID, n.Record.PublishDate, n.Similarity)
		}
	}
	// y06 to y12, far, copy and later have five papers or more before them.
	r.same("reference", []any{a.Reference, a.Sequence}, []any{10, 16})
	// Half of those equal to it count: 7 of 10 are at a distance of 1/2, copy below.
	if !near(usual.Percentile, 100*(1+3.5)/10) {
		t.Errorf("the percentile is %v", usual.Percentile)
	}
}

// As of a day, nothing later counts, for the paper or for the others.
func TestNoveltyAsOf(t *testing.T) {
	r := newRig(t, years(14)...)
	a := r.novelty(engine.NoveltyRequest{PaperIDs: []string{"y14", "y08"}, AsOf: "2009-12-31"})
	r.same("until", []any{a.Papers[0].Until, a.Papers[0].Earlier, a.Papers[1].Until, a.Papers[1].Earlier}, []any{"2009-12-31", 9, "2008-02-29", 7})
	r.same("reference", a.Reference, 4) // y06 to y09
	text := &engine.Text{Title: "alpha", Abstract: "year2"}
	a = r.novelty(engine.NoveltyRequest{Text: text, AsOf: "2007-03-01"})
	n := a.Papers[0]
	r.same("of a text", []any{n.PaperID, n.Until, n.Earlier, n.Nearest[0].Record.ID, a.QueryTokens}, []any{"", "2007-03-01", 7, "y02", 4})
	a = r.novelty(engine.NoveltyRequest{Text: text}) // today
	if n := a.Papers[0]; n.Earlier != 14 || len(n.Until) != len("2026-01-01") || n.Until < "2015" {
		t.Errorf("of today: %+v", n)
	}
	a = r.novelty(engine.NoveltyRequest{Text: &engine.Text{Title: strings.Repeat("word ", longest+1)}})
	if !a.Truncated || a.QueryTokens != longest+2 {
		t.Errorf("a long text: %v, %d tokens", a.Truncated, a.QueryTokens)
	}
}

// Where no paper has enough before it, there is a distance and no percentile.
func TestNoveltyWithoutReference(t *testing.T) {
	r := newRig(t, years(5)...)
	n := r.novelty(engine.NoveltyRequest{Text: &engine.Text{Title: "alpha"}}).Papers[0]
	if n.Reason != engine.NoReference || n.Percentile != 0 || !near(n.Distance, 1-cosineOf(2)) {
		t.Errorf("%+v", n)
	}
}

// The reference is made once, and anew when the collection has changed much.
func TestReferencesAreKept(t *testing.T) {
	r := newRig(t, years(40)...)
	ask := func(asOf string) (made bool, reference int) {
		var a *engine.NoveltyAnswer
		calls := r.calls(func() { a = r.novelty(engine.NoveltyRequest{PaperIDs: []string{"y20"}, AsOf: asOf}) })
		for _, c := range calls {
			made = made || c == "Dated"
		}
		return made, a.Reference
	}
	r.same("the first time", fmt.Sprint(ask("")), "true 35")
	r.same("again", fmt.Sprint(ask("")), "false 35")
	r.same("of another day", fmt.Sprint(ask("2020-01-01")), "true 14")
	more := years(44)[40:]
	r.put(more...)
	r.same("after few changes", fmt.Sprint(ask("")), "false 35")
	r.erase("y44")
	r.same("after more", fmt.Sprint(ask("")), "true 38")
}

func TestNoveltyIsChecked(t *testing.T) {
	r := newRig(t, years(3)...)
	for words, req := range map[string]engine.NoveltyRequest{
		"paper_ids has 0 items":                 {},
		"paper_ids has 101 items":               {PaperIDs: make([]string, engine.MaxNoveltyPapers+1)},
		"text is given together with paper_ids": {PaperIDs: []string{"y01"}, Text: &engine.Text{Title: "x"}},
		"text has neither":                      {Text: &engine.Text{}},
		`as_of is "2020"`:                       {PaperIDs: []string{"y01"}, AsOf: "2020"},
	} {
		_, err := r.Novelty(r.Context(), req)
		r.refused(words, err, paper.Invalid, words)
	}
	_, err := r.Novelty(r.Context(), engine.NoveltyRequest{PaperIDs: []string{"y01", "x"}})
	r.refused("a paper that is not there", err, paper.NotFound, `paper_ids[1] "x"`)
}
