package ingest

import (
	"slices"
	"strings"
	"testing"

	"akin/internal/paper"
)

// TestDecodeSchema: what cannot be read costs itself and is named.
func TestDecodeSchema(t *testing.T) {
	for object, want := range map[string]string{
		`{"year":2.5}`:                                 "year",
		`{"year":"2020"}`:                              "",
		`{"title":7}`:                                  "",
		`{"title":["T","U"]}`:                          "",
		`{"title":{"x":[]}}`:                           "title",
		`{"authors":{}}`:                               "",
		`{"journal":[]}`:                               "journal",
		`{"journal":{"volume":{}}}`:                    "journal",
		`{"journal":{"volume":7},"year":null}`:         "",
		`{"isopenaccess":"yes"}`:                       "",
		`{"authors":[{"name":["a"]}],"unknown":[{}]}`:  "authors",
		`{"citationcount":1e999,"authors":[7]}`:        "authors",
		`{"citationcount":"1,200"}`:                    "",
		`{"publicationtypes":null,"externalids":null}`: "",
		`{"publicationtypes":"Review"}`:                "",
	} {
		var u unread
		s, err := decodeSchema[s2agPaper]([]byte(object), &u)
		var fields []string
		for _, each := range u {
			fields = append(fields, each.Field)
		}
		s.Published.take(&paper.Paper{}, &u, "publicationdate")
		if s.Year.how == dateUnread {
			fields = append(fields, "year")
		}
		slices.Sort(fields)
		if got := strings.Join(fields, " "); err != nil || got != want {
			t.Errorf("%s: got %v, %s, want %s", object, err, got, want)
		}
	}
}

func TestInvert(t *testing.T) {
	for _, tc := range []struct {
		index map[string][]int
		want  string
		fails string
	}{
		{nil, "", ""},
		{map[string][]int{"b": {1, 3}, "a": {0}, "c": {7}}, "a b b c", ""},
		{map[string][]int{"b": {1}, "a": {1}}, "a b", ""},
		{map[string][]int{"a": {maxPosition + 1}}, "", "places are between 0 and 131072"},
		{map[string][]int{strings.Repeat("x", 3000): make([]int, 1000)}, "", "is more than 262144 bytes long"},
	} {
		got, err := invert(tc.index)
		if got != tc.want || (err != nil) != (tc.fails != "") || err != nil && !strings.Contains(err.Error(), tc.fails) {
			t.Errorf("got %q, %v; want %q, %s", got, err, tc.want, tc.fails)
		}
	}
}

func TestLooseDate(t *testing.T) {
	for text, want := range map[string]string{
		"2020": "2020", "2020-3-7": "2020-03-07", "2020/03/07/": "2020-03-07", "2020///": "2020", "2020/03": "2020-03",
		"March 2020": "2020-03", "7 Mar 2020": "2020-03-07", "Mar. 7, 2020": "2020-03-07", "2020-01/2020-02": "2020-01",
		"2020-03-07T10:00:00Z": "2020-03-07", "2019-2020": "2019", "1–15 March 2020": "2020-03-01", "": "", "in press": "", "Mar 7": "", "2021-02-30": "",
	} {
		d, ok := looseDate(text)
		if ok != (want != "") || ok && d.String() != want {
			t.Errorf("%q: got %v, %v, want %q", text, d, ok, want)
		}
	}
}
