package ingest

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"akin/internal/paper"
)

// TestShed: a value that a paper cannot have costs itself alone.
func TestShed(t *testing.T) {
	p := paper.Paper{
		ID: "1", Title: "T", PublishDate: paper.Date{Month: 3, Day: 1}, Language: strings.Repeat("x", paper.MaxFieldBytes+1),
		Categories: []string{"a\xff", "b", "c\xff"}, Authors: []paper.Author{{Name: "A", ORCID: "\xff"}, {Name: "\xff"}, {Name: "C"}},
		Signals:  map[string]float64{"n": math.NaN(), "m": 1},
		Metadata: map[string]string{"long": strings.Repeat("x", paper.MaxMetadataBytes), "k": "v"},
	}
	row, err := completed(p)
	if err != nil {
		t.Fatal(err)
	}
	want := paper.Paper{
		ID: "1", Title: "T", Categories: []string{"b"}, Authors: []paper.Author{{Name: "A"}, {Name: "C"}},
		Signals: map[string]float64{"m": 1}, Metadata: map[string]string{"k": "v"},
	}
	if !reflect.DeepEqual(row.Paper, want) {
		t.Errorf("%+v", row.Paper)
	}
	var fields []string
	for _, u := range row.Unread {
		fields = append(fields, u.Field)
	}
	slices.Sort(fields)
	if got := strings.Join(fields, " "); got != `authors[0].orcid authors[1].name categories[0] categories[2] language metadata publish_date signals["n"]` {
		t.Errorf("unread: %s", got)
	}
	if _, err := completed(paper.Paper{ID: "1"}); err == nil {
		t.Error("a paper without text passes")
	}
	if _, err := completed(paper.Paper{ID: "a\x00", Title: "T", Venue: "\xff"}); err == nil {
		t.Error("a bad id passes")
	}
}

func TestNotes(t *testing.T) {
	var n Notes
	for i, text := range []string{"in press", "2019", "soon", "n.d."} {
		var u unread
		var p paper.Paper
		p.PublishDate = u.date(&p, "date", text)
		if text == "in press" && p.Metadata["date"] != text {
			t.Errorf("the text is not kept: %v", p.Metadata)
		}
		n.addRow(&Row{Source: Source{"a.csv", i + 2}, Unread: u})
	}
	n.addRow(&Row{Source: Source{"b.csv", 7}, Unread: []Unread{{Field: `signals["x"]`, Text: "much"}, {Field: "authors[3].orcid", Text: "1"}}})
	n.notice("%s: read as %s", "a.csv", "Windows-1252")
	want := []string{
		"a.csv: read as Windows-1252",
		`1 value of authors.orcid not read, e.g. "1" (b.csv:7)`,
		`2 dates not read, e.g. "in press" (a.csv:2)`,
		`1 value of signals.x not read, e.g. "much" (b.csv:7)`,
	}
	if got := n.Lines(); !slices.Equal(got, want) || n.Unread() != 4 {
		t.Errorf("%d: %q", n.Unread(), got)
	}
}
