package ingest

import (
	"slices"
	"strings"
	"testing"
)

func TestBibAuthors(t *testing.T) {
	for text, want := range map[string][]string{
		"Holt, Mira and Jon Aske":           {"Mira Holt", "Jon Aske"},
		"Holt, Mira\n  AND\tAske, Jon":      {"Mira Holt", "Jon Aske"},
		"{Sea and Sand, Inc.} and A. Brand": {"Sea and Sand, Inc.", "A. Brand"},
		"de la Cruz, Jr., Ana":              {"Ana de la Cruz Jr."},
		"Smith, Bob, Jr.":                   {"Bob Smith Jr."},
		`G{\"o}del, Kurt and others`:        {"Kurt Gödel"},
		"":                                  nil,
		"and":                               {"and"},
		", ,":                               nil,
		"family=Bergh, given=Anna, prefix=van den and Moe, Ida and others":     {"Anna van den Bergh", "Ida Moe"},
		`given=Ana, family={De La Cruz}, suffix=Jr. and family="Li", given=Bo`: {"Ana De La Cruz Jr.", "Bo Li"},
	} {
		var got []string
		for _, a := range bibAuthors(text) {
			got = append(got, a.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestBibTeXMacros(t *testing.T) {
	bomb := "@string{a = {" + strings.Repeat("x", 1000) + "}}\n@misc{k, title = {T}, note = a" + strings.Repeat("#a", MaxLineBytes/1000) + "}\n@misc{l, title = {U}}\n"
	got := readText(t, bomb, Options{})
	if len(got) != 2 || !strings.Contains(got[0].Rejected, "with its macros the entry is longer than the limit") || got[1].Paper == nil {
		t.Errorf("a macro that grows: got %.300v", got)
	}
	got = readText(t, "@string{a = {"+strings.Repeat("x", maxMacroBytes+1)+"}}\n@misc{l, title = {U}}\n", Options{Format: "bibtex"})
	if len(got) != 2 || !strings.Contains(got[0].Rejected, `the macro "a" is not kept`) {
		t.Errorf("a long macro: got %.300v", got)
	}
}

// TestBibTeX: a field that cannot be read never hides one that can, and every
// type of entry is one.
func TestBibTeX(t *testing.T) {
	const title = "title = {On Stones}, "
	for name, tc := range map[string]struct{ text, id, venue, date, left string }{
		"a type with signs":         {text: "@my-type_2{k, " + title + "}"},
		"a field without a value":   {text: "@misc{k, pages = , " + title + "year = 2013}", date: "2013"},
		"the last one too":          {text: "@misc{k, " + title + "pages = }"},
		"remarks":                   {text: "% first\n@misc{k, % a remark, with = signs\n" + title + "% year = 2001,\n year = 2013 % late\n}", date: "2013"},
		"no key":                    {text: "@misc{" + title + "year = 2013}", date: "2013"},
		"no sign of a value":        {text: "@misc{k, note {x}, " + title + "}", left: "note"},
		"quotes within quotes":      {text: "@misc{k, note = \"the \"big\" one\", " + title + "}"},
		"no comma":                  {text: "@misc{k, year = 2013\n " + title + "}", date: "2013"},
		"a date that is none":       {text: "@misc{k, " + title + "date = {forthcoming}, year = 2013, month = may}", date: "2013-05", left: "publish_date"},
		"a month that is none":      {text: "@misc{k, " + title + "year = 2013, month = {Michaelmas}}", date: "2013"},
		"about a date":              {text: "@misc{k, " + title + "date = {2013-05~}}", date: "2013-05"},
		"an end that is missing":    {text: "@misc{k, " + title + "year = 2013\n@misc{l, title = {More}}", date: "2013", left: "the closing brace"},
		"so at the end of the file": {text: "@misc{k, " + title + "year = 2013\n", date: "2013", left: "the closing brace"},
		"a month with a day":        {text: "@misc{k, " + title + "year = 2013, month = may # {~12}}", date: "2013-05-12"},
		"a day before its month":    {text: "@misc{k, " + title + `year = 2013, month = "12~" # may}`, date: "2013-05-12"},
		"a range":                   {text: "@misc{k, " + title + "date = {2013-05/2013-06}, year = 2013}", date: "2013-05"},
		"a venue with more":         {text: "@article{k, " + title + "journaltitle = {Stones}, journalsubtitle = {Big Ones}}", venue: "Stones: Big Ones"},
		"arXiv in the volume":       {text: "@article{k, " + title + "journal = {ArXiv}, volume = {abs/2101.00001}}", id: "arXiv:2101.00001", venue: "ArXiv"},
		"arXiv in a note":           {text: "@article{k, " + title + "note = {arXiv:2101.00001 [cs]}}", id: "arXiv:2101.00001"},
		"arXiv of another":          {text: "@article{k, " + title + "note = {Extended version of arXiv:2101.00001}, doi = {10.1000/x}}", id: "doi:10.1000/x"},
		"arXiv in an address":       {text: "@article{k, " + title + `howpublished = {\url{https://arxiv.org/abs/hep-th/9901001v2}}}`, id: "arXiv:hep-th/9901001"},
		"arXiv in the DOI":          {text: "@article{k, " + title + "doi = {10.48550/arXiv.2101.00001}}", id: "arXiv:2101.00001"},
		"an eprint of another kind": {text: "@article{k, " + title + "eprint = {12345}, eprinttype = {pubmed}, doi = {10.1000/x}}", id: "doi:10.1000/x"},
		"a DOI in the address":      {text: "@article{k, " + title + "url = {https://doi.org/10.1000/A\\_b}}", id: "doi:10.1000/a_b"},
		"a DOI that is none":        {text: "@article{k, " + title + "doi = {to appear}}", left: "doi"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := NewReader("test", strings.NewReader(tc.text), Options{})
			if err != nil {
				t.Fatal(err)
			}
			row, err := r.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			p := row.Paper
			if p.Title != "On Stones" || tc.id != "" && p.ID != tc.id || p.Venue != tc.venue || p.PublishDate.String() != tc.date {
				t.Errorf("got %+v", p)
			}
			if (tc.left == "") != (len(row.Unread) == 0) || tc.left != "" && row.Unread[0].Field != tc.left {
				t.Errorf("left %+v, want %q", row.Unread, tc.left)
			}
		})
	}
}

// TestBibComment: a comment that is not closed costs its line.
func TestBibComment(t *testing.T) {
	const entry = "@misc{k,\n title = {On Stones}\n}\n"
	for text, want := range map[string]string{
		"@comment{a {b\n" + entry + entry:                     "R1 a brace of this comment is not closed; what follows its line was read;P2 On Stones | | ;P5 On Stones | | ",
		"@comment{" + entry + "}\n" + entry:                   "P5 On Stones | | ",
		"@comment{{\n" + strings.Repeat("x\n", 1<<18) + entry: "R1 a brace of this comment is not closed; what follows its line was read;P262146 On Stones | | ",
	} {
		r, err := NewReader("test", strings.NewReader(text), Options{Format: "bibtex"})
		if err != nil {
			t.Fatal(err)
		}
		if got := brief(t, r, ""); got != want {
			t.Errorf("%.40q: got %s, want %s", text, got, want)
		}
	}
}

// TestBibCrossref: papers take what they lack from their volume, above or below
// them, and the order of the file stays.
func TestBibCrossref(t *testing.T) {
	const volume = "@proceedings{V, title = {Meeting on Stones}, year = 2014, publisher = {Stone Press}}\n"
	const one = "@inproceedings{a, title = {One}, crossref = {v}}\n"
	for name, text := range map[string]string{"below": one + "@misc{m, title = {Other}}\n" + volume, "above": volume + one} {
		all := readText(t, text, Options{})
		i := slices.IndexFunc(all, func(r result) bool { return r.Paper != nil && r.Paper.Title == "One" })
		if i < 0 || all[i].Paper.Venue != "Meeting on Stones" || all[i].Paper.PublishDate.String() != "2014" || !slices.IsSortedFunc(all, func(a, b result) int { return a.Line - b.Line }) {
			t.Errorf("%s: got %+v", name, all)
		}
	}
	all := readText(t, "@xdata{x, publisher = {Stone Press}, year = 2014}\n@misc{a, title = {One}, xdata = {x}}\n@misc{b, title = {Two}, crossref = {gone}}\n", Options{})
	if len(all) != 2 || all[0].Paper.Venue != "Stone Press" || all[0].Paper.PublishDate.Year != 2014 || all[1].Paper.Title != "Two" {
		t.Errorf("xdata: got %+v", all)
	}
	r, err := NewReader("test", strings.NewReader("@misc{b, title = {Two}, crossref = {gone}}"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	row, err := r.Next(t.Context())
	if err != nil || len(row.Unread) != 1 || row.Unread[0].Field != "crossref" {
		t.Errorf("a volume that is missing: %+v, %v", row, err)
	}
}
