package ingest

import (
	"strings"
	"testing"
)

func TestDecodeSchema(t *testing.T) {
	for object, want := range map[string]string{
		`{"year":2.5}`:                                 "year must be a whole number, but is the number 2.5",
		`{"year":"2020"}`:                              "year must be a whole number, but is a string",
		`{"title":7}`:                                  "title must be a string, but is a number",
		`{"title":true}`:                               "title must be a string, but is a boolean",
		`{"authors":{}}`:                               "authors must be an array, but is an object",
		`{"journal":[]}`:                               "journal must be an object, but is an array",
		`{"journal":{"volume":{}}}`:                    "must be a string, but is an object",
		`{"journal":{"volume":7},"year":null}`:         "",
		`{"isopenaccess":"yes"}`:                       "isopenaccess must be true or false, but is a string",
		`{"authors":[{"name":["a"]}],"unknown":[{}]}`:  "name must be a string, but is an array",
		`{"citationcount":1e999}`:                      "citationcount must be a number, but is the number 1e999",
		`{"publicationtypes":null,"externalids":null}`: "",
	} {
		var s s2agPaper
		err := decodeSchema([]byte(object), &s)
		if err == nil && want != "" || err != nil && (want == "" || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %s", object, err, want)
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
