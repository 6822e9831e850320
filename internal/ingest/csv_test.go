package ingest

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"akin/internal/paper"
)

// summarize writes rows in a short form: P for a paper, D for a deleted one, R
// for a rejected row.
func summarize(all []result) string {
	var b strings.Builder
	for _, r := range all {
		switch {
		case r.Paper == nil:
			fmt.Fprintf(&b, "R%d %s\n", r.Line, r.Rejected)
		case r.Deleted:
			fmt.Fprintf(&b, "D%d %s\n", r.Line, r.Paper.ID)
		default:
			fmt.Fprintf(&b, "P%d %s | %s\n", r.Line, r.Paper.Title, r.Paper.Abstract)
		}
	}
	return b.String()
}

func TestTableRows(t *testing.T) {
	for _, tc := range []struct{ name, content, want string }{
		{"plain", "title,abstract\nA,a\nB,b\n", "P2 A | a\nP3 B | b\n"},
		{"mark, CRLF, blank lines, no last line end", "\uFEFFtitle,abstract\r\n\r\nA,a\r\n\r\nB,b", "P3 A | a\nP5 B | b\n"},
		{"a mark before a quoted name", "\uFEFF\"title\",abstract\nA,a\n", "P2 A | a\n"},
		{"names in capitals", "Title,ABSTRACT\nA,a\n", "P2 A | a\n"},
		{"quotes", "title,abstract\n\"A, \"\"x\"\"\",\"a\nb\r\n\nc\"\nB,b\n", "P2 A, \"x\" | a b c\nP6 B | b\n"},
		{"a quote within a cell", "title,abstract\nThe 5\" disk,a\nB,b\n", "P2 The 5\" disk | a\nP3 B | b\n"},
		{"too few cells", "title,abstract\nA\nB,b\n", "R2 the header names 2 columns, but the number of cells in this row is 1\nP3 B | b\n"},
		{"too many cells", "title,abstract\nA,a,x\nB,b\n", "R2 the header names 2 columns, but the number of cells in this row is 3\nP3 B | b\n"},
		{"an open quote shows in the next row", "title,abstract\nA,\"a\n\"B\",b\nC,c\n", "R2 a quoted cell is not closed; a quote within quotes is written twice (\"\")\nP3 B | b\nP4 C | c\n"},
		{"an open quote at the end", "title,abstract\nA,a\nB,\"b\nC,c\n", "P2 A | a\nR3 a quoted cell is not closed; a quote within quotes is written twice (\"\")\nP4 C | c\n"},
		{"an open quote before many rows", "title,abstract\nA,\"a\nB,b\nC,c\n\"D\",d\nE,\"e\n", "R2 a quoted cell is not closed; a quote within quotes is written twice (\"\")\nP3 B | b\nP4 C | c\nP5 D | d\n" +
			"R6 a quoted cell is not closed; a quote within quotes is written twice (\"\")\n"},
		{"something after a quote", "title,abstract\n\"A\"x,a\nB,\"b \"\"c\"\"\" d\n", "P2 \"A\"x | a\nP3 B | \"b \"\"c\"\"\" d\n"},
		{"tabs and a title that begins with a quote", "title\tabstract\n\"A\" x\ta\n\"B\ty\"\tb\n", "P2 \"A\" x | a\nP3 B y | b\n"},
		{"something after a quote, and too few cells", "title,abstract\n\"A, b\"c\nB,b\n", "P2 \"A | b\"c\nP3 B | b\n"},
		{"formulas of Excel", "title,abstract\n=\"007\",\"=\"\"a\"\"\"\n", "P2 007 | a\n"},
		{"a zero", "title,abstract\nA\x00B,a\n", "P2 AB | a\n"},
		{"quotes with backslashes", "title,abstract\n\"A \\\"x\\\" b, c\",a\n\"B\",\"b \\\"y\\\"\"\n", "P2 A \"x\" b, c | a\nP3 B | b \"y\"\n"},
		{"semicolons and sep=", "sep=;\r\ntitle;abstract\r\nA, x;a\r\n", "P3 A, x | a\n"},
		{"bars after a preamble", "Export of today\n\nid|Title|Abstract\n1|A|a; b\n", "P4 A | a; b\n"},
		{"an old Mac", "title,abstract\r\x83tude,caf\x8e\r", "P2 Étude | café\n"},
		{"UTF-16", "\xFF\xFEt\x00i\x00t\x00l\x00e\x00;\x00x\x00\n\x00\xe9\x00;\x001\x00\n\x00", "P2 é | \n"},
		{"a day beside its year", "title,Publication Date,Publication Year\nA,MAY 12,2019\n", "P2 A | \n"},
		{"a separator too many", "title,abstract\nA,a,\n", "P2 A | a\n"},
		{"tabs", "title\tabstract\nA, x\ta\nB\tb\n", "P2 A, x | a\nP3 B | b\n"},
		{"not UTF-8", "title,abstract\ncaf\xe9,a\nB,b\n", "P2 café | a\nP3 B | b\n"},
		{"header alone", "title,abstract\n", ""},
		{"an invalid date", "id,title,abstract,date\n1,A,a,soon\n2,B,b,2020\n", "P2 A | a\nP3 B | b\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := summarize(readText(t, tc.content, Options{})); got != tc.want {
				t.Errorf("got:\n%swant:\n%s", got, tc.want)
			}
		})
	}
}

func TestTableFields(t *testing.T) {
	got := readText(t, "id,title,Authors,categories,year,listed_dates,signals,urls,,note\n"+
		`7,T,"Lo, Ada; Tu, Al",cs.CL cs.LG,2021.0,2024-03-17;--03-16,"{""up"":3}","[""a"",""b""]",0,n`+"\n", Options{})
	want := paper.Paper{
		ID: "7", Title: "T", Authors: []paper.Author{{Name: "Lo, Ada"}, {Name: "Tu, Al"}}, Categories: []string{"cs.CL", "cs.LG"},
		PublishDate: paper.Date{Year: 2021}, ListedDates: []paper.Date{{Month: 3, Day: 16}, {Year: 2024, Month: 3, Day: 17}},
		Signals: map[string]float64{"up": 3}, URLs: []string{"a", "b"}, Metadata: map[string]string{"column 9": "0", "note": "n"},
	}
	if len(got) != 1 || got[0].Paper == nil || !reflect.DeepEqual(*got[0].Paper, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestMap(t *testing.T) {
	want := paper.Paper{ID: "10.1000/x", Title: "T", Abstract: "S", DOI: "10.1000/x", Metadata: map[string]string{"abstract": "A"}}
	mapped := map[string]string{"abstract": "summary", "title": "Name of Work", "id": "key", "doi": "key"}
	for name, content := range map[string]string{
		"jsonl": `{"key":"10.1000/x","Name of Work":"T","summary":"S","abstract":"A"}`,
		"csv":   "key,Name of Work,summary,abstract\n10.1000/x,T,S,A\n",
		"tsv":   "key\tName of Work\tsummary\tabstract\n10.1000/x\tT\tS\tA\n",
	} {
		r, err := NewReader("test", strings.NewReader(content), Options{Map: mapped})
		if err != nil {
			t.Fatal(name, err)
		}
		got := readAll(t, r)
		if r.Format() != name || len(got) != 1 || got[0].Paper == nil || !reflect.DeepEqual(*got[0].Paper, want) {
			t.Errorf("%s (%s): got %+v", name, r.Format(), got)
		}
	}
}

func TestMapFaults(t *testing.T) {
	for _, tc := range []struct {
		name, content string
		mapped        map[string]string
		want          string
	}{
		{"unknown field", "title,x\nA,a\n", map[string]string{"titel": "x"}, `map names the field "titel", which a paper does not have; its fields are id, title, abstract,`},
		{"no column", "title,x\nA,a\n", map[string]string{"title": ""}, "map names no column for title; write title=COLUMN"},
		{"a column that is not there", "title,x\nA,a\n", map[string]string{"abstract": "y"}, `test: there is no column "y", which is to be the abstract; its columns are title, x`},
		{"the only title mapped away", "title,b\nA,a\n", map[string]string{"doi": "title"}, "no column is the title or the abstract; say which with --map title=COLUMN; its columns are title, b"},
		{"a header that cannot be read", "title,\"b\nA,a\n", nil, "the first line that is not blank (1) must name the columns"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := NewReader("test", strings.NewReader(tc.content), Options{Map: tc.mapped, Format: "csv"})
			if err == nil {
				_, err = r.Next(t.Context())
			}
			if paper.KindOf(err) != paper.Invalid || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}
