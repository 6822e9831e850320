package cite_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"akin/internal/cite"
	"akin/internal/ingest"
	"akin/internal/paper"
)

func read(t *testing.T, format string, text []byte) (out []paper.Paper) {
	t.Helper()
	r, err := ingest.NewReader("x", bytes.NewReader(text), ingest.Options{Format: format})
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	defer r.Close()
	for {
		row, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		out = append(out, row.Paper)
	}
}

func names(p *paper.Paper) (all []string) {
	for _, a := range p.Authors {
		all = append(all, a.Name)
	}
	return all
}

func authors(names ...string) (all []paper.Author) {
	for _, n := range names {
		all = append(all, paper.Author{Name: n})
	}
	return all
}

func papers() []paper.Paper {
	return []paper.Paper{
		{
			ID: "arXiv:2112.09118", Title: "Unsupervised Dense Retrieval: 100% of A & B for $5 #1 a_b", Abstract: "We say <b> \\ {x} ~ ^ and more.",
			Authors: authors("Gautier Izacard", "Ludwig van Beethoven", "Sammy Davis Jr", "Plato", "Müller-Lüdenscheidt", "José da Silva"),
			Venue:   "Proceedings of the 1st Workshop on A & B", PublishDate: paper.Date{Year: 2021, Month: 12, Day: 16},
			DOI: "10.1234/a_b(c)<1::2>x", ArxivID: "2112.09118", URLs: []string{"https://example.org/a_b%20c?x=1&y=2#z"}, Categories: []string{"cs.IR", "cs.CL"},
		},
		{ID: "two", Title: "同一の論文", Authors: authors("山田太郎"), Venue: "Journal of Things", PublishDate: paper.Date{Year: 1999, Month: 5}},
		{ID: "three", Title: "On", PublishDate: paper.Date{Year: 2001}},
		{
			ID: "hostile", Title: "}\n@article{evil, title={x}} TY  - JOUR\nER  - ", Abstract: "ER  - \r\nTY  - JOUR\r\nTI  - evil\x00\x1b[31m",
			Authors: authors("A and B, Inc."), DOI: "10.1/}{", URLs: []string{"javascript:alert(1)", "https://x.org/}{\\"},
		},
	}
}

func items(all []paper.Paper) (out []cite.Item) {
	for i := range all {
		out = append(out, cite.Item{Paper: &all[i], Note: "mine: 50% & more", Tags: []string{"to read"}})
	}
	return out
}

func TestIngestReadsWhatWasWritten(t *testing.T) {
	for format, name := range map[cite.Format]string{cite.BibTeX: "bibtex", cite.RIS: "ris", cite.CSLJSON: "csl-json"} {
		want := papers()
		var b bytes.Buffer
		if err := cite.Write(&b, format, items(want)); err != nil {
			t.Fatal(err)
		}
		got := read(t, name, b.Bytes())
		if len(got) != len(want) {
			t.Fatalf("%s: %d references, want %d in\n%s", name, len(got), len(want), b.String())
		}
		for i := range want[:3] {
			g, w := &got[i], &want[i]
			if i == 0 { // markup is taken out where texts are read
				if !strings.Contains(g.Title, "100% of A & B") || !strings.Contains(g.Title, "#1 a_b") || !strings.Contains(g.Abstract, "and more") {
					t.Errorf("%s: %q, %q", name, g.Title, g.Abstract)
				}
			} else if g.Title != w.Title {
				t.Errorf("%s: title %q, want %q", name, g.Title, w.Title)
			}
			if !slices.Equal(names(g), names(w)) || g.DOI != w.DOI || g.ArxivID != w.ArxivID || g.PublishDate != w.PublishDate || g.Venue != w.Venue {
				t.Errorf("%s: %+v, want %+v in\n%s", name, g, w, b.String())
			}
			if len(w.URLs) > 0 && !slices.Contains(g.URLs, w.URLs[0]) {
				t.Errorf("%s: addresses %q, want %q", name, g.URLs, w.URLs)
			}
			if !slices.Contains(g.Categories, "to read") {
				t.Errorf("%s: categories %q", name, g.Categories)
			}
		}
	}
}

func TestFormulasStay(t *testing.T) {
	all := []paper.Paper{
		{ID: "1", Title: `Sorting in $O(n \log n)$ and $x_{i}^2$`}, {ID: "2", Title: "From $5 to $7 per day"}, {ID: "3", Title: `Broken $x_{1$ and }`},
	}
	var b bytes.Buffer
	if err := cite.Write(&b, cite.BibTeX, items(all)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`$O(n \log n)$ and $x_{i}^2$`, `From \$5 to \$7 per day`, `Broken \$x\_{\textbraceleft}1\$ and {\textbraceright}`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s is not in\n%s", want, b.String())
		}
	}
	if got := read(t, "bibtex", b.Bytes()); len(got) != 3 {
		t.Errorf("%d references", len(got))
	}
}

func TestKeys(t *testing.T) {
	all := []paper.Paper{
		{ID: "a", Title: "The Notes of Things", Authors: authors("Ada Lovelace"), PublishDate: paper.Date{Year: 1843}},
		{ID: "b", Title: "Notes, again", Authors: authors("Ada Lovelace"), PublishDate: paper.Date{Year: 1843}},
		{ID: "c", Title: "X", Metadata: map[string]string{"citation_key": "mine:2020"}},
		{ID: "d", Title: "X", Metadata: map[string]string{"citation_key": "evil},\n"}},
		{ID: "e", Title: "論文"},
	}
	var b bytes.Buffer
	if err := cite.Write(&b, cite.BibTeX, items(all)); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for line := range strings.Lines(b.String()) {
		if _, key, ok := strings.Cut(strings.TrimSpace(line), "{"); ok && strings.HasPrefix(line, "@") {
			keys = append(keys, strings.TrimSuffix(key, ","))
		}
	}
	if len(keys) != 5 || !strings.HasPrefix(keys[0], "lovelace1843notes-") || !strings.HasPrefix(keys[1], "lovelace1843notes-") || keys[0] == keys[1] ||
		keys[2] != "mine:2020" || keys[3] != "x" || keys[4] != "paper" {
		t.Errorf("keys %q", keys)
	}
	var one bytes.Buffer
	if err := cite.Write(&one, cite.BibTeX, items(all[:1])); err != nil || !strings.Contains(one.String(), "@misc{lovelace1843notes,") {
		t.Errorf("%v: %s", err, one.String())
	}
}

func FuzzWrite(f *testing.F) {
	f.Add("title", "name, A", "$x", "note")
	f.Add("}", "{", "\\", "\nER  - \n")
	f.Fuzz(func(t *testing.T, title, name, venue, note string) {
		p := []paper.Paper{{ID: "x", Title: "t " + title, Authors: authors(name), Venue: venue}, {ID: "y", Title: "second"}}
		its := items(p)
		its[0].Note = note
		for format, as := range map[cite.Format]string{cite.BibTeX: "bibtex", cite.RIS: "ris", cite.CSLJSON: "csl-json"} {
			var b bytes.Buffer
			if err := cite.Write(&b, format, its); err != nil {
				t.Fatal(err)
			}
			if got := read(t, as, b.Bytes()); len(got) != 2 || got[1].Title != "second" {
				t.Fatalf("%s: %d references in\n%s", as, len(got), b.String())
			}
		}
	})
}
