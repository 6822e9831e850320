package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"akin/internal/engine"
	"akin/internal/paper"
)

// mixed are papers of few words, so that most mixtures find some.
func mixed() (papers []paper.Paper) {
	words := []string{"red", "green", "greenish", "blue", "bluer"}
	for i := range 60 {
		papers = append(papers, paper.Paper{
			ID: fmt.Sprintf("m%02d", i), Title: words[i%5] + " " + words[i/5%5], Abstract: "about " + words[i/25%5],
			Venue: []string{"North", "South"}[i%2], PublishDate: paper.Date{Year: 2000 + i%4}, Authors: []paper.Author{{Name: "Ada " + []string{"Quib", "Flod"}[i/2%2]}},
		})
	}
	return papers
}

// part is a part of a query, and which papers meet it.
type part struct {
	text string
	// excludes, requires and restricts say what it does to papers that do not meet it.
	excludes, requires, restricts bool
	meets                         func(p paper.Paper) bool
}

func hasWord(p paper.Paper, begin string, whole bool) bool {
	return slices.ContainsFunc(strings.Fields(p.Title+" "+p.Abstract), func(w string) bool { return w == begin || !whole && strings.HasPrefix(w, begin) })
}

func parts() []part {
	not := func(f func(paper.Paper) bool) func(paper.Paper) bool { return func(p paper.Paper) bool { return !f(p) } }
	red := func(p paper.Paper) bool { return hasWord(p, "red", true) }
	blu := func(p paper.Paper) bool { return hasWord(p, "blu", false) }
	redGreen := func(p paper.Paper) bool { return strings.Contains(p.Title+".", "red green.") }
	north := func(p paper.Paper) bool { return p.Venue == "North" }
	quib := func(p paper.Paper) bool { return p.Authors[0].Name == "Ada Quib" }
	year := func(p paper.Paper) bool { return p.PublishDate.Year >= 2001 && p.PublishDate.Year <= 2002 }
	return []part{
		{text: "green"}, {text: "blue"}, {text: "blu*"}, {text: "unheard"},
		{text: "-red", excludes: true, meets: not(red)},
		{text: "-blu*", excludes: true, meets: not(blu)},
		{text: `-"red green"`, excludes: true, meets: not(redGreen)},
		{text: "-unheard", excludes: true, meets: func(paper.Paper) bool { return true }},
		{text: `"red green"`, requires: true, meets: redGreen},
		{text: `"red"`, requires: true, meets: red},
		{text: `"blu*"`, requires: true, meets: blu},
		{text: `"unheard of"`, requires: true, meets: func(paper.Paper) bool { return false }},
		{text: "venue:North", restricts: true, meets: north},
		{text: "-venue:North", restricts: true, meets: not(north)},
		{text: "author:quib", restricts: true, meets: quib},
		{text: `-author:"Ada Quib"`, restricts: true, meets: not(quib)},
		{text: "year:2001-2002", restricts: true, meets: year},
		{text: "-year:2001-2002", restricts: true, meets: not(year)},
	}
}

// Mixtures of prefixes, phrases, exclusions, fields and filters find what a plain model
// says: phrases alone give way, where they leave nothing.
func TestMixtures(t *testing.T) {
	r := newRig(t, mixed()...)
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.SliceOfN(rapid.SampledFrom(parts()), 1, 5).Draw(t, "parts")
		mode := rapid.SampledFrom([]engine.Mode{engine.Hybrid, engine.Semantic, engine.Lexical}).Draw(t, "mode")
		filter := rapid.SampledFrom([]string{"", "year = 2001", "venue = South"}).Draw(t, "filter")
		how := rapid.SampledFrom([]engine.Syntax{engine.SyntaxAuto, engine.SyntaxOn}).Draw(t, "syntax")
		var texts []string
		for _, p := range some {
			texts = append(texts, p.text)
		}
		query := strings.Join(texts, " ")
		got, err := r.Search(r.Context(), engine.SearchRequest{Query: query, Mode: mode, Syntax: how, ResultOptions: engine.ResultOptions{PageSize: 100, KeepVersions: true, Filter: filter}})
		if err != nil {
			t.Fatalf("%q: %v", query, err)
		}
		ids := make(map[string]bool)
		for _, result := range got.Results {
			p := result.Record.Paper
			ids[p.ID] = true
			if filter == "year = 2001" && p.PublishDate.Year != 2001 || filter == "venue = South" && p.Venue != "South" {
				t.Errorf("%q: %s is not of the filter", query, p.ID)
			}
		}
		judgeMixture(t, query, some, got, ids, mode, how, filter)
	})
}

// judgeMixture compares an answer with what each part says.
func judgeMixture(t *rapid.T, query string, some []part, got *engine.Answer, ids map[string]bool, mode engine.Mode, how engine.Syntax, filter string) {
	meets := func(p paper.Paper, which func(part) bool) bool {
		return !slices.ContainsFunc(some, func(x part) bool { return which(x) && !x.meets(p) })
	}
	kept := func(x part) bool { return x.excludes || x.restricts }
	required := func(x part) bool { return x.requires }
	asks := slices.ContainsFunc(some, func(x part) bool { return !kept(x) })
	dropped := got.Operators == engine.PhrasesDropped
	if dropped && how == engine.SyntaxOn {
		t.Errorf("%q: phrases were dropped though somebody insists", query)
	}
	left := 0 // that nothing but words keeps out
	for _, p := range mixed() {
		if filter == "year = 2001" && p.PublishDate.Year != 2001 || filter == "venue = South" && p.Venue != "South" {
			continue
		}
		switch {
		case !meets(p, kept) && ids[p.ID]:
			t.Errorf("%q by %d: %s %q has what is excluded", query, mode, p.ID, p.Title)
		case mode != engine.Semantic && !meets(p, required) && ids[p.ID] && !dropped:
			t.Errorf("%q by %d: %s %q lacks a phrase", query, mode, p.ID, p.Title)
		case meets(p, kept) && (mode == engine.Semantic || meets(p, required)):
			left++
			if mode != engine.Lexical && asks && !ids[p.ID] {
				t.Errorf("%q by %d: %s %q is missing", query, mode, p.ID, p.Title)
			}
		}
	}
	if dropped && left > 0 {
		t.Errorf("%q by %d: phrases were dropped though %d papers have them", query, mode, left)
	}
	if len(ids) == 0 && len(got.Limits) == 0 {
		t.Errorf("%q by %d: nothing is found, and nothing says why", query, mode)
	}
}
