package lexical

import (
	"fmt"
	"slices"
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

func TestSplit(t *testing.T) {
	for _, tc := range []struct{ text, asked, excluded string }{
		{"image  segmentation", "image  segmentation", ""},
		{"image segmentation -medical", "image segmentation", "-medical"},
		{`image -medical  segmentation -"clinical scans"`, "image segmentation", `-medical -"clinical scans"`},
		{`"graph neural net*" transf* -surv*`, "graph neural net transf", "-surv*"},
		{"self-supervised C++ A* a - b", "self-supervised C++ A* a - b", ""},
		{`“curved marks” and an "unbalanced`, `curved marks and an "unbalanced`, ""},
		{"-medical", "", "-medical"},
		{`"" -x`, "", "-x"},
		{" ", " ", ""},
	} {
		if asked, excluded := Split(tc.text); asked != tc.asked || excluded != tc.excluded {
			t.Errorf("%q asks for %q and excludes %q, want %q and %q", tc.text, asked, excluded, tc.asked, tc.excluded)
		}
	}
}

// TestWords asks in the ways of people for words that a plain analyser loses.
func TestWords(t *testing.T) {
	texts := []string{
		"Whegs™ robots with a Kinect®", "Ownership types for C++ programs", "Undefined behaviour in C programs",
		"A garbage collector for C# programs", "مُدُن ذَكِيَّة", "שְׁגִיאֹת", "L'évaluation d’un modèle", "小化妆包的研究",
		"On the phrase to be or not to be", "The engine is not working", "The engine was working",
		"Gadolinium probes", "Probing language models", "A* search and IDA*", "The .NET framework", "A net of nodes", "PointNet++ and PointNet",
		"Functional programs in F#", "정보 검색", "To be at sea",
	}
	x, err := New(Options{SegmentPapers: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	for i, text := range texts {
		title, abstract := text, ""
		if i%2 == 1 {
			title, abstract = abstract, title
		}
		if err := x.Upsert(uint32(i), title, abstract, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		query string
		want  []uint32
	}{
		{"whegs", []uint32{0}},
		{"kinect", []uint32{0}},
		{`"C++"`, []uint32{1}},
		{`"C"`, []uint32{2}},
		{`"c#"`, []uint32{3}},
		{"programs -C++", []uint32{2, 3, 17}},
		{"programs -C", []uint32{1, 3, 17}},
		{"programs -f#", []uint32{1, 2, 3}},
		{"C++", []uint32{1}},
		{"a*", []uint32{13}},
		{".net", []uint32{14}},
		{"net", []uint32{15}},
		{`"PointNet++"`, []uint32{16}},
		{"pointnet", []uint32{16}},
		{"مدن ذكية", []uint32{4}},
		{"שגיאת", []uint32{5}},
		{"évaluation", []uint32{6}},
		{"evaluation", []uint32{6}},
		{`"évaluation d'un modele"`, []uint32{6}},
		{"modele -evaluation", []uint32{12}},
		{"包", []uint32{7}},
		{"究", []uint32{7}},
		{`"妆"`, []uint32{7}},
		{"化妆包", []uint32{7}},
		{"보", []uint32{18}},
		{`"to be or not to be"`, []uint32{8}},
		{`"to be"`, []uint32{8, 19}},
		{`"not working"`, []uint32{9}},
		{`"was working"`, []uint32{10}},
		{`working -"not working"`, []uint32{10}},
		{"working -not", []uint32{10}},
		{"gadolinium -prob*", nil},
		{"models gadolinium -prob*", []uint32{6}},
		{"language gadolinium -gado*", []uint32{12}},
		{`"language mod*"`, []uint32{12}},
		{`programs -"undefined behav*"`, []uint32{1, 3, 17}},
		{`"language xyz*"`, nil},
		{"programs -xyz*", []uint32{1, 2, 3, 17}},
		{"-segmentation", nil},
	} {
		r, err := x.Search(t.Context(), Query{Text: tc.query, K: 100})
		if err != nil {
			t.Fatal(err)
		}
		var got []uint32
		for _, h := range r.Hits {
			got = append(got, h.Ordinal)
		}
		slices.Sort(got)
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: found %v, want %v", tc.query, got, tc.want)
		}
		scores, err := x.Score(t.Context(), Query{Text: tc.query}, got)
		if err != nil || slices.Contains(scores, 0) {
			t.Errorf("%s: what was found has the scores %v, %v", tc.query, scores, err)
		}
	}
}

func FuzzSearch(f *testing.F) {
	x := fill(f, []abstract{{"arXiv:2112.09118", "Graph neural networks", "We train networks -- pre-training helps."}, {"b", "信息检索", "Retrieval"}}, Options{})
	for _, s := range []string{`"a b" -c d*`, `-"`, `"`, "2112.09118", "信*", "\xff*", "networks networks", `"graph neural" -train`, `"the pre*" -net* -"of the"`, "C++ 信 l'a*"} {
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
