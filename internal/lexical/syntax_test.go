package lexical

import (
	"fmt"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"", ""},
		{"  graph   networks ", "words(graph   networks)"},
		{`"graph neural networks" -survey`, "phrase(graph neural networks) not(survey)"},
		{`deep "two words"more -"not this" pre*`, "phrase(two words) not(not this) prefix(pre) words(deep  more)"},
		{`“curved marks”`, "phrase(curved marks)"},
		{`an "unbalanced mark`, `words(an "unbalanced mark)`},
		{`"" -"" x`, "phrase() not() words(x)"},
		{"self-supervised -- - -* a*", "words(self-supervised -- - -* a*)"},
		{"don't-stop f*o **", "words(don't-stop f*o **)"},
		{"-self-supervised -9", "not(self-supervised) not(9)"},
	} {
		var got []string
		for _, c := range parse(tc.text, ModeSearch) {
			got = append(got, fmt.Sprintf("%s(%s)", []string{"words", "phrase", "prefix", "not"}[c.kind], c.text))
		}
		if s := strings.Join(got, " "); s != tc.want {
			t.Errorf("%q:\n got %s\nwant %s", tc.text, s, tc.want)
		}
	}
	if c := parse(`-a "b"`, ModeText); len(c) != 1 || c[0].kind != clauseWords {
		t.Errorf("a pasted text has a syntax: %v", c)
	}
}

func FuzzSearch(f *testing.F) {
	x := fill(f, []abstract{{"arXiv:2112.09118", "Graph neural networks", "We train networks -- pre-training helps."}, {"b", "信息检索", "Retrieval"}}, Options{})
	for _, s := range []string{`"a b" -c d*`, `-"`, `"`, "2112.09118", "信*", "\xff*", "networks networks", `"graph neural" -train`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, mode := range []Mode{ModeSearch, ModeText} {
			q := Query{Text: text, Mode: mode, K: 3}
			r, err := x.Search(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			scores, err := x.Score(t.Context(), q, []uint32{0, 1})
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range r.Hits {
				if scores[h.Ordinal] != h.Score {
					t.Fatalf("%q: searched %v, scored %v", text, h, scores[h.Ordinal])
				}
			}
		}
	})
}
