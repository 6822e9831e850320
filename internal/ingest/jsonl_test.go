package ingest

import (
	"reflect"
	"strings"
	"testing"

	"akin/internal/paper"
)

func TestJSONLFields(t *testing.T) {
	type p = paper.Paper
	names := func(all ...string) (authors []paper.Author) {
		for _, n := range all {
			authors = append(authors, paper.Author{Name: n})
		}
		return authors
	}
	for _, tc := range []struct {
		name, fields string
		want         p
	}{
		{"white space is collapsed", `"title":" A\tb\n c ","abstract":"d\r\n\u00a0 e"`, p{Title: "A b c", Abstract: "d e"}},
		{"null is absent", `"title":"T","abstract":null,"authors":null,"year":null,"signals":null,"metadata":null,"urls":null,"x":null`, p{Title: "T"}},
		{"whole number as id", `"id":7,"title":"T"`, p{ID: "7", Title: "T"}},
		{"abstract alone", `"abstract":"A"`, p{Abstract: "A"}},
		{"authors with semicolons", `"title":"T","authors":"Lo, Ada; Tu, Al"`, p{Title: "T", Authors: names("Lo, Ada", "Tu, Al")}},
		{"authors as in BibTeX", `"title":"T","authors":"Lo, Ada and Tu, Al"`, p{Title: "T", Authors: names("Lo, Ada", "Tu, Al")}},
		{"authors as in a sentence", `"title":"T","authors":"A. Lo, B. Tu, and C. Vi"`, p{Title: "T", Authors: names("A. Lo", "B. Tu", "C. Vi")}},
		{"authors with commas", `"title":"T","authors":"A. Lo, B. Tu"`, p{Title: "T", Authors: names("A. Lo", "B. Tu")}},
		{"authors, two", `"title":"T","authors":"Andy Sandberg and B. Tu"`, p{Title: "T", Authors: names("Andy Sandberg", "B. Tu")}},
		{"authors, empty names", `"title":"T","authors":["", null, {"name":""}, {"affiliation":"x","name":"A"}]`, p{Title: "T", Authors: names("A")}},
		{"categories with spaces", `"title":"T","categories":"cs.CL  cs.LG"`, p{Title: "T", Categories: []string{"cs.CL", "cs.LG"}}},
		{"categories with commas", `"title":"T","categories":"Machine Learning, Vision"`, p{Title: "T", Categories: []string{"Machine Learning", "Vision"}}},
		{"categories with semicolons", `"title":"T","categories":"a, b; c"`, p{Title: "T", Categories: []string{"a, b", "c"}}},
		{"categories as array", `"title":"T","categories":["Machine Learning"]`, p{Title: "T", Categories: []string{"Machine Learning"}}},
		{"time as date", `"title":"T","date":"2021-12-16T10:00:00Z"`, p{Title: "T", PublishDate: paper.Date{Year: 2021, Month: 12, Day: 16}}},
		{"year of a data frame", `"title":"T","year":2021.0`, p{Title: "T", PublishDate: paper.Date{Year: 2021}}},
		{"year of a data frame as text", `"title":"T","year":"1999.0"`, p{Title: "T", PublishDate: paper.Date{Year: 1999}}},
		{"no year of a data frame", `"title":"T","year":"None"`, p{Title: "T"}},
		{"date before year", `"title":"T","year":2021,"date":"2021-12"`, p{Title: "T", PublishDate: paper.Date{Year: 2021, Month: 12}}},
		{"dates that differ", `"title":"T","date":"2020-12","year":2021,"publish_date":"2020-12-03"`, p{
			Title: "T", PublishDate: paper.Date{Year: 2020, Month: 12, Day: 3}, Metadata: map[string]string{"year": "2021"},
		}},
		{"empty date", `"title":"T","date":""`, p{Title: "T"}},
		{"listed dates are a set", `"title":"T","listed_dates":["2024-03-17","--03-17",{"month":3,"day":17}]`, p{
			Title: "T", ListedDates: []paper.Date{{Month: 3, Day: 17}, {Year: 2024, Month: 3, Day: 17}},
		}},
		{"unknown columns", `"title":"T","a":" as it is ","b":[1, {"c": 2}],"d":true,"e":1.50`, p{
			Title: "T", Metadata: map[string]string{"a": " as it is ", "b": `[1,{"c":2}]`, "d": "true", "e": "1.50"},
		}},
		{"metadata and columns", `"title":"T","metadata":{"a":"1","b":2,"c":null},"a":"1"`, p{
			Title: "T", Metadata: map[string]string{"a": "1", "b": "2"},
		}},
		{"signals", `"title":"T","signals":{"up":3,"down":-1e-3,"none":null}`, p{Title: "T", Signals: map[string]float64{"up": 3, "down": -1e-3}}},
		{"nested brackets and quotes", `"title":"A \"}]{[\\ B","x":{"y":"}]\"","z":[[]]}`, p{
			Title: `A "}]{[\ B`, Metadata: map[string]string{"x": `{"y":"}]\"","z":[[]]}`},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.want.ID == "" {
				tc.fields, tc.want.ID = `"id":"x",`+tc.fields, "x"
			}
			got := readText(t, " { "+tc.fields+" } \n", Options{})
			if len(got) != 1 || got[0].Paper == nil {
				t.Fatalf("got %+v, want one paper", got)
			}
			if !reflect.DeepEqual(*got[0].Paper, tc.want) {
				t.Errorf("got  %+v\nwant %+v", *got[0].Paper, tc.want)
			}
		})
	}
}

func TestJSONLRejects(t *testing.T) {
	for _, tc := range []struct{ name, row, reason string }{
		{"id with a fraction", `{"id":2101.10,"title":"T"}`, "id must be a string or a whole number, but is the number 2101.10"},
		{"id of another type", `{"id":{},"title":"T"}`, "id must be a string or a whole number, but is an object"},
		{"no letter and no id", `{"abstract":"?"}`, "has neither title nor abstract, nor an id"},
		{"neither title nor abstract", `{"id":"x"}`, "nothing in it is the title or the abstract; its keys are id; --map title=KEY says which"},
		{"empty title", `{"id":"x","title":""}`, "title is empty, and so is the abstract"},
		{"title too long", `{"title":"` + strings.Repeat("t", paper.MaxTitleBytes+1) + `"}`, "title is 4097 bytes long; the limit is 4096"},
		{"not UTF-8", "{\"title\":\"T\xff\"}", "not valid UTF-8 at byte 12"},
		{"two objects", `{"title":"T"}{"title":"U"}`, "not valid JSON at byte 14"},
		{"not an object", `"title"`, "a line must be a JSON object, but is a string"},
		{"cut off", `{"title":"T`, "not valid JSON"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := readText(t, "{\"title\":\"before\"}\n"+tc.row+"\r\n{\"title\":\"after\"}\n", Options{})
			if len(got) != 3 || got[0].Paper == nil || got[2].Paper == nil {
				t.Fatalf("got %+v; want the rows before and after to be read", got)
			}
			if bad := got[1]; !strings.Contains(bad.Rejected, tc.reason) || bad.Line != 2 || bad.Raw != tc.row {
				t.Errorf("got %+v, want line 2 rejected: %s", bad, tc.reason)
			}
		})
	}
}

// TestJSONLUnread: an optional value that cannot be read costs itself alone.
func TestJSONLUnread(t *testing.T) {
	for _, tc := range []struct{ row, field, notes string }{
		{`"authors":7`, "authors", "authors=7"},
		{`"authors":["A",3]`, "authors", `authors=["A",3]`},
		{`"authors":[{"name":true}]`, "authors", `authors=[{"name":true}]`},
		{`"categories":[[]]`, "categories", "categories=[[]]"},
		{`"urls":["a",{}]`, "urls", `urls=["a",{}]`},
		{`"venue":{"issn":1}`, "venue", `venue={"issn":1}`},
		{`"date":false`, "publish_date", "date=false"},
		{`"date":"soon"`, "publish_date", "date=soon"},
		{`"date":"--03-17"`, "publish_date", "date=--03-17"},
		{`"publishDate":{"year":2020,"day":3}`, "publish_date", `publishDate={"year":2020,"day":3}`},
		{`"listed_dates":["2024-01-01","soon"]`, "listed_dates", `listed_dates=["2024-01-01","soon"]`},
		{`"signals":{"up":"many"}`, "signals.up", "signals.up=many"},
		{`"signals":{"up":1e999}`, "signals.up", "signals.up=1e999"},
		{`"signals":{"a":1,"\u0061":2}`, "signals.a", "signals.a=2"},
		{`"signals":7`, "signals", "signals=7"},
		{`"metadata":"m"`, "metadata", "metadata=m"},
		{`"title":"U"`, "title, given beside title", "title=U"},
	} {
		r, err := NewReader("test", strings.NewReader(`{"id":"x","title":"T",`+tc.row+"}"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		row, err := r.Next(t.Context())
		if err != nil || len(row.Unread) != 1 || row.Unread[0].Field != tc.field {
			t.Errorf("%s: %v, unread %v; want %s", tc.row, err, row.Unread, tc.field)
			continue
		}
		key, text, _ := strings.Cut(tc.notes, "=")
		if row.Paper.Metadata[key] != text {
			t.Errorf("%s: notes %v, want %s", tc.row, row.Paper.Metadata, tc.notes)
		}
	}
}

// TestJSONLLoose: what others write in another type is read.
func TestJSONLLoose(t *testing.T) {
	got := readText(t, `{"id":7.0,"title":["T","U"],"abstract":["a","b"],"journal":{"name":"J"},"DOI":["10.1/x"],"year":"2020","signals":{"up":"1,200"},`+
		`"authors":[{"first":"Mira","last":"Holt"},{"family":"Ng","given":"Bo"},["Lo","Ada"],{"author":{"display_name":"C"}}],"keywords":"a; b","x":NaN}`, Options{})
	want := paper.Paper{
		ID: "7", Title: "T", Abstract: "a b", Venue: "J", DOI: "10.1/x", PublishDate: paper.Date{Year: 2020}, Signals: map[string]float64{"up": 1200},
		Authors:    []paper.Author{{Name: "Mira Holt"}, {Name: "Bo Ng"}, {Name: "Ada Lo"}, {Name: "C"}},
		Categories: []string{"a", "b"}, Metadata: map[string]string{"title (other)": "U"},
	}
	if len(got) != 1 || got[0].Paper == nil || !reflect.DeepEqual(*got[0].Paper, want) {
		t.Errorf("got  %+v\nwant %+v", got[0].Paper, want)
	}
}

func TestJSONLLastLine(t *testing.T) {
	got := readText(t, "{\"title\":\"A\"}\n{\"title\":\"B\", \"abs", Options{})
	if len(got) != 2 || !strings.HasPrefix(got[1].Rejected, "the file ends in the middle of this line") {
		t.Errorf("cut off: got %+v", got)
	}
	got = readText(t, "\uFEFF\r\n \n{\"title\":\"A\"}\r\n\n\uFEFF{\"title\":\"B\"}", Options{})
	if len(got) != 2 || got[0].Line != 3 || got[1].Line != 5 || got[1].Paper == nil {
		t.Errorf("byte order marks, CRLF, blank lines, no last line end: got %+v", got)
	}
}
