package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"akin/internal/engine"
	"akin/internal/paper"
)

// authored is a collection whose names are of no language, so that no list of names
// that somebody knew can be what finds them.
func authored() []paper.Paper {
	var out []paper.Paper
	for i := range 24 {
		p := paper.Paper{
			ID: fmt.Sprintf("p%02d", i), Title: fmt.Sprintf("gadget topic%d", i%4), Abstract: fmt.Sprintf("Measurements own%d. Quick tests of sorters.", i),
			Authors: []paper.Author{{Name: "Common Person"}}, Venue: []string{"ZORP", "Gadgets"}[i%2], PublishDate: paper.Date{Year: 2010 + i%6},
		}
		switch {
		case i < 3:
			p.Authors = []paper.Author{{Name: "Zdeněk Quibblewick"}, {Name: "Ana B. Frobish"}, {Name: "Frobish Quibblewick"}, {Name: "Mo LeVex"}}
		case i < 5:
			p.Authors = []paper.Author{{Name: "Ana Quick"}} // a word of every text
		case i == 5: // spelt in all the ways that sources have
			p.Authors = []paper.Author{{Name: "Bernd Schölkrog"}, {Name: "Søren Åbjerg"}, {Name: "Ole Muehlvang"}, {Name: "Wim van der Moorn"}}
		case i == 6:
			p.Authors = []paper.Author{{Name: "von Luxbrek, Ulrike"}, {Name: "Hal Dobrumé III"}, {Name: "Tervan GE"}, {Name: "Krosk, Ann B., Jr."}, {Name: "Zim-Wol Qorat"}, {Name: "Qobb Fen-Fen"}, {Name: "Fen Qobb"}}
		case i >= 16:
			p.Authors = []paper.Author{{Name: "Vexel Anam" + string(rune('a'+i-16))}} // a first name of many
		}
		out = append(out, p)
	}
	return out
}

// summary tells names for a test.
func summary(names []engine.Name) string {
	var out []string
	for _, n := range names {
		out = append(out, fmt.Sprintf("%d %s", n.Field, n.Text))
	}
	return strings.Join(out, "; ")
}

// Names of the collection are understood, whatever their spelling, and words stay words.
func TestNamesUnderstood(t *testing.T) {
	r := newRig(t, authored()...)
	for _, test := range []struct{ query, names, first string }{
		{"quibblewick topic2", "1 quibblewick", "p02"},
		{"topic2 by Quibblewick", "1 Quibblewick", "p02"},
		{"Zdenek Quibblewick topic1", "1 Zdenek Quibblewick", "p01"},
		{"Quibblewick, Z. topic1", "1 Quibblewick, Z", "p01"},
		{"Z. Quibblewick topic1", "1 Z. Quibblewick", "p01"},
		{"A. Frobish et al. 2012", "1 A. Frobish; 3 2012", "p02"},
		{"Ana Frobish's topic1", "1 Ana Frobish", "p01"},
		{"Quibblewick and Frobish topic1", "1 Quibblewick; 1 Frobish", "p01"},
		{"Quibblewick, Frobish and LeVex topic1", "1 Quibblewick; 1 Frobish; 1 LeVex", "p01"},
		{"Quibblewick, Zdenek and LeVex topic1", "1 Quibblewick, Zdenek; 1 LeVex", "p01"},
		{"LeVex topic2", "1 LeVex", "p02"},
		{"LEVEX topic2", "", ""},
		{"ZORP 2014 topic0", "2 ZORP; 3 2014", "p04"},
		{"ZORP2014 topic0", "2 ZORP; 3 2014", "p04"},
		{"ZORP'14 topic0", "2 ZORP; 3 14", "p04"},
		{"topic0 zorp", "2 zorp", ""},
		{"Gadgets 2013 topic3", "2 Gadgets; 3 2013", "p03"},
		{"Ana Quick topic3", "1 Ana Quick", "p03"},
		{"quick topic3", "", ""},
		{"Quick sorters", "", ""},
		{"gadgets", "", ""},
		{"Gadgets of topic3", "", ""},
		{"Quibblewick: a method", "", ""},
		{"Quibblewick-free topic1", "", ""},
		{"QUIBBLEWICK networks", "", ""},
		{"nobody else", "", ""},
		{"Vexel optimizer", "", ""},
		{"convergence of Vexel", "", ""},
		{"Vexel Anamc topic2", "1 Vexel Anamc", "p18"},
		{`"Quibblewick" topic1`, "", ""},
		{"Schölkrog topic1", "1 Schölkrog", "p05"},
		{"Scholkrog topic1", "1 Scholkrog", "p05"},
		{"Schoelkrog topic1", "1 Schoelkrog", "p05"},
		{"B. Schoelkrog topic1", "1 B. Schoelkrog", "p05"},
		{"Aabjerg topic1", "1 Aabjerg", "p05"},
		{"Soeren Aabjerg topic1", "1 Soeren Aabjerg", "p05"},
		{"Mühlvang topic1", "1 Mühlvang", "p05"},
		{"O Mühlvang topic1", "1 O Mühlvang", "p05"},
		{"van der Moorn topic1", "1 van der Moorn", "p05"},
		{"van der Moorn, W. topic1", "1 van der Moorn, W", "p05"},
		{"Moorn, Wim van der topic1", "1 Moorn, Wim van der", "p05"},
		{"Luxbrek topic2", "1 Luxbrek", "p06"},
		{"U. von Luxbrek topic2", "1 U. von Luxbrek", "p06"},
		{"von Luxbrek, U. topic2", "1 von Luxbrek, U", "p06"},
		{"Dobrumé topic2", "1 Dobrumé", "p06"},
		{"H. Dobrume III topic2", "1 H. Dobrume III", "p06"},
		{"Dobrumé, Hal topic2", "1 Dobrumé, Hal", "p06"},
		{"Krosk topic2", "1 Krosk", "p06"},
		{"Ann Krosk topic2", "1 Ann Krosk", "p06"},
		{"G. E. Tervan topic2", "1 G. E. Tervan", "p06"},
		{"Gerd Tervan topic2", "1 Gerd Tervan", "p06"},
		{"Ana Tervan topic2", "1 Tervan", "p06"}, // Ana is another's name, and no G
		{"Frobish Ana GQZ topic1", "1 Frobish Ana", "p01"},
		{"gadget Tervan topic2", "1 Tervan", "p06"}, // a word, and no G
		{"Tests Tervan", "1 Tervan", "p06"},
		{"Hugo Dobrumé topic2", "1 Dobrumé", "p06"},
		{"Quibblewick Z topic1", "1 Quibblewick Z", "p01"},
		{"Frobish AB topic1", "1 Frobish AB", "p01"},
		{"AB Frobish topic1", "1 AB Frobish", "p01"},
		{"Frobish AC topic1", "1 Frobish", "p01"}, // the C is nobody's
		{"Zimwol Qorat topic2", "1 Zimwol Qorat", "p06"},
		{"Zim Wol Qorat topic2", "1 Zim Wol Qorat", "p06"},
		{"Qorat, Zim-Wol topic2", "1 Qorat, Zim-Wol", "p06"},
		{"Fen-Fen Qobb topic2", "1 Fen-Fen Qobb", "p06"},
		{"ZORP-14 topic0", "2 ZORP; 3 14", "p04"},
		{"ZORP 2014: topic0", "2 ZORP; 3 2014", "p04"},
		{"10.1109/ZORP.2014.77 topic0", "", ""},
		{"http://example.org/ZORP/2014 topic0", "", ""},
		{"own3 " + strings.Repeat("topic ", 40) + "Quibblewick", "", ""},
	} {
		for _, mode := range []engine.Mode{engine.Hybrid, engine.Lexical} {
			got := r.good(r.Search(r.Context(), engine.SearchRequest{Query: test.query, Mode: mode}))
			r.same(test.query, summary(got.Names), test.names)
			if test.first != "" && got.Results[0].Record.ID != test.first {
				t.Errorf("%q by %d finds %s first, not %s", test.query, mode, got.Results[0].Record.ID, test.first)
			}
		}
		for _, req := range []engine.SearchRequest{{Query: test.query, Verbatim: true}, {Query: test.query, Mode: engine.Semantic}} {
			if got := r.good(r.Search(r.Context(), req)); len(got.Names) > 0 {
				t.Errorf("%+v: names %v", req, got.Names)
			}
		}
	}
}

// Where a query asks for names alone, their papers come before all others: those that have
// all names first, then those of its authors.
func TestNamesAlone(t *testing.T) {
	r := newRig(t, authored()...)
	for query, first := range map[string][]string{
		"Quibblewick":         {"p00", "p01", "p02"},
		"Quibblewick, Zdenek": {"p00", "p01", "p02"},
		"Quibblewick 2011":    {"p01"},
		"van der Moorn, Wim":  {"p05"},
	} {
		for _, mode := range []engine.Mode{engine.Hybrid, engine.Lexical} {
			got := r.good(r.Search(r.Context(), engine.SearchRequest{Query: query, Mode: mode, ResultOptions: engine.ResultOptions{PageSize: 24, KeepVersions: true}}))
			var ids []string
			for _, result := range got.Results[:min(len(first), len(got.Results))] {
				ids = append(ids, result.Record.ID)
			}
			slices.Sort(ids)
			r.same(fmt.Sprint(query, mode), strings.Join(ids, " "), strings.Join(first, " "))
		}
	}
}

// Names raise and leave out nothing; fields restrict.
func TestNamesRaise(t *testing.T) {
	r := newRig(t, authored()...)
	all := engine.ResultOptions{PageSize: 100, KeepVersions: true}
	ask := func(req engine.SearchRequest) *engine.Answer {
		req.ResultOptions = all
		return r.good(r.Search(r.Context(), req))
	}
	raised, words := ask(engine.SearchRequest{Query: "quibblewick topic1"}), ask(engine.SearchRequest{Query: "quibblewick topic1", Verbatim: true})
	r.same("how many", len(raised.Results), len(words.Results))
	place := func(a *engine.Answer, id string) int {
		return slices.IndexFunc(a.Results, func(r engine.Result) bool { return r.Record.ID == id })
	}
	for id, most := range map[string]int{"p00": 8, "p01": 0, "p02": 8} {
		if now, before := place(raised, id), place(words, id); now > most || now > before {
			t.Errorf("%s is at %d, and at %d by words alone", id, now, before)
		}
	}
	for _, test := range []struct{ query, names, want string }{
		{"author:quibblewick topic1", "1 quibblewick", "p01 p00 p02"},
		{`topic1 author:"Zdenek Quibblewick" year:2011`, "1 Zdenek Quibblewick; 3 2011", "p01"},
		{`Author:"Z. Quibblewick" year:2011-2012 topic2`, "1 Z. Quibblewick; 3 2011-2012", "p02 p01"},
		{"venue:zorp year:2014 own4", "2 zorp; 3 2014", "p04 p10 p16 p22"},
		{"author:nobody topic1", "1 nobody", ""},
		{"year:2011", "3 2011", "p01 p07 p13 p19"},
		{"author:quibblewick author:quick", "1 quibblewick; 1 quick", ""},
	} {
		got := ask(engine.SearchRequest{Query: test.query})
		ids := strings.Fields(found(got.Results))
		want := strings.Fields(test.want)
		r.same(test.query, summary(got.Names), test.names)
		r.same(test.query+" first", ids[:min(len(ids), 1)], want[:min(len(want), 1)])
		slices.Sort(ids)
		slices.Sort(want)
		r.same(test.query+" finds", ids, want)
		for _, n := range got.Names {
			if !n.Restricts {
				t.Errorf("%q: %s only raises", test.query, n.Text)
			}
		}
	}
	for _, query := range []string{"year:soon", "author: quibble", "http://author:8080 x", "title:gadget"} {
		if got := ask(engine.SearchRequest{Query: query}); len(got.Results) != 24 {
			t.Errorf("%q restricts: %d results", query, len(got.Results))
		}
	}
	off := ask(engine.SearchRequest{Query: "author:quibblewick topic1", Syntax: engine.SyntaxOff})
	r.same("off", len(off.Results), 24)
}

// What is imported is a name at once, and what is deleted is none any more.
func TestNamesFollow(t *testing.T) {
	r := newRig(t, authored()...)
	ask := func(o engine.ResultOptions) *engine.Answer { return r.search("Vlexworth title", engine.Hybrid, o) }
	r.same("before", summary(ask(engine.ResultOptions{}).Names), "")
	added := paper.Paper{ID: "new", Title: "a title", Abstract: "an abstract", Authors: []paper.Author{{Name: "Ivo Vlexworth"}}}
	r.put(added)
	first := ask(engine.ResultOptions{PageSize: 1})
	r.same("after", []any{summary(first.Names), found(first.Results)}, []any{"1 Vlexworth", "new"})
	next := ask(engine.ResultOptions{PageSize: 1, PageToken: first.NextPageToken})
	r.same("on the next page", summary(next.Names), "1 Vlexworth")
	// A filter of the caller's stays one.
	r.same("filtered", found(ask(engine.ResultOptions{Filter: "venue = ZORP", PageSize: 100}).Results) != "", true)
	for _, result := range ask(engine.ResultOptions{Filter: "venue = ZORP", PageSize: 100}).Results {
		r.same("venue", result.Record.Venue, "ZORP")
	}
}

// Fields are bounded, and no query takes the square of its length.
func TestFieldsHostile(t *testing.T) {
	r := newRig(t, authored()...)
	many := func(part string) string { return strings.Repeat(part, engine.MaxQueryBytes/len(part)) }
	for _, query := range []string{
		many("-author:x "), many("author:x "), many("-year:2015- "), many(`author:" `), many("author:“ "), many("“ "), many("-“ "), many(`-" `), many("a "), ": " + many("a ")[2:],
		many("'s "), many("a's "), many("a:"), many(":"), "author:x" + strings.Repeat(" ", engine.MaxQueryBytes-10) + "y", many("author: "),
	} {
		for _, syntax := range []engine.Syntax{engine.SyntaxAuto, engine.SyntaxOn} {
			start := time.Now()
			_, err := r.Search(r.Context(), engine.SearchRequest{Query: query, Syntax: syntax})
			if took := time.Since(start); err != nil && paper.KindOf(err) != paper.Invalid || took > time.Minute {
				t.Errorf("%.20s…: %v after %v", query, err, took)
			}
		}
	}
	_, err := r.Search(r.Context(), engine.SearchRequest{Query: strings.Repeat("-author:x ", 17)})
	if err == nil || !strings.Contains(err.Error(), "query has more than 16 fields") {
		t.Errorf("17 fields: %v", err)
	}
	got := r.search(`author:"Quibblewick" -author:“Mo LeVex” topic1 "gadget`, engine.Hybrid, engine.ResultOptions{})
	r.same("fields in quotation marks", fmt.Sprint(len(got.Names), got.Names[0].Restricts, got.Names[1].Excludes), "2 true true")
}

// Hostile names and queries break nothing.
func TestNamesHostile(t *testing.T) {
	papers := authored()
	papers[0].Authors = append(papers[0].Authors, paper.Author{Name: `Quote" OR "x*\`}, paper.Author{Name: "** ()"}, paper.Author{Name: "O'Brien\nNewline"})
	for i := range 90 { // of one surname
		papers[1].Authors = append(papers[1].Authors, paper.Author{Name: fmt.Sprintf("N%s Manyname", strings.Repeat("o", i))})
	}
	r := newRig(t, papers...)
	for _, query := range []string{
		`Quote OR x`, `author:"Quote" x`, `author:"`, "author:* x", "author:\\ x", "N. Manyname topic1", "Manyname N. Manyname Quibblewick ZORP 2014 Ana Frobish Common Person",
		"O'Brien Newline", "\xff\xfe quibblewick", "venue:\x00 q", "quibblewick " + strings.Repeat("author:x ", 60), "'s", "et al.", "by", "2014", "10",
	} {
		_, err := r.Search(r.Context(), engine.SearchRequest{Query: query})
		if err != nil && paper.KindOf(err) != paper.Invalid {
			t.Errorf("%q: %v", query, err)
		}
	}
	long := "(" + strings.Repeat("author = x OR ", 250) + "venue = ZORP)"
	got := r.search("N. Manyname topic1", engine.Hybrid, engine.ResultOptions{Filter: long})
	r.same("beside a filter that is full", summary(got.Names), "")
}
